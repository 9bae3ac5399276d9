import type { Issue } from "../../shared/contracts/inventory.ts";
import { expired, isOver, leaseExpired } from "../domain/workItems.ts";
import { parseWorkId } from "../stores/refs.ts";
import { defineActivity } from "./activity.ts";

/**
 * Where a work item stands. A lease that ran out goes back to the queue with a higher epoch; an item that still waits is
 * announced again, in case its message was lost (the queue drops the repetition if it was not).
 */
export const checkWork = defineActivity(
  "checkWork",
  async (
    { workItem }: { workItem: string },
    { rounds, queues },
  ): Promise<{ over: boolean; issue?: Issue }> => {
    const id = parseWorkId(workItem);
    if (!id) throw new Error(`${workItem} is no work item's id`);
    await rounds.current(id);
    const now = Date.now();
    const work = await rounds.changeWork(id, (row) =>
      leaseExpired(row, { now }) ? expired(row) : undefined,
    );
    if (!work) throw new Error(`work item ${workItem} has no row`);
    if (work.state === "queued")
      await queues.send(work.group, { version: 1, workItem, epoch: work.epoch });
    return { over: isOver(work), ...(work.issue && { issue: work.issue }) };
  },
);
