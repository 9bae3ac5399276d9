import type { Issue } from "../../shared/contracts/inventory.ts";
import { expired, isOver, leaseExpired, regrouped, withdrawn } from "../domain/agents/workItems.ts";
import type { RoundRecord, WorkRecord } from "../domain/records.ts";
import { announceWork } from "../operations/agents/announceWork.ts";
import { parseWorkId } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

/**
 * Where a work item stands. A lease that ran out goes back to the queue with a higher epoch; an item that still waits is
 * announced again, in case its message was lost (the queue drops the repetition if it was not). When the round pauses, what
 * waits is withdrawn and who has a lease finishes the file in hand; when it is cancelled, nobody waits for anybody. What waits in
 * another group than the round's by now goes to that.
 */
export const checkWork = defineActivity(
  "checkWork",
  async (
    { workItem }: { workItem: string },
    app,
  ): Promise<{ over: boolean; issue?: Issue; interrupted?: true }> => {
    const id = parseWorkId(workItem);
    if (!id) throw new Error(`${workItem} is no work item's id`);
    let work = await app.rounds.findWork(id);
    if (work && !isOver(work)) {
      const round = await app.rounds.current(id);
      work = await app.rounds.changeWork(id, (row) => looked(row, round, Date.now()));
    }
    if (!work) throw new Error(`work item ${workItem} has no row`);
    if (work.state === "queued") await announceWork(app, work);
    return {
      over: isOver(work),
      ...(work.issue && { issue: work.issue }),
      ...(work.state === "cancelled" && { interrupted: true }),
    };
  },
);

function looked(
  work: WorkRecord,
  { wish, agentGroup }: RoundRecord,
  now: number,
): WorkRecord | undefined {
  if (isOver(work)) return undefined;
  const isHeld = work.state === "leased" && !leaseExpired(work, { now });
  if (wish === "cancel" || (wish && !isHeld)) return withdrawn(work);
  if (isHeld) return undefined;
  const waiting = work.state === "queued" ? work : expired(work);
  if (waiting.state === "queued" && waiting.group !== agentGroup)
    return regrouped(waiting, agentGroup);
  return waiting === work ? undefined : waiting;
}
