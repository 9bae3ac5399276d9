import type { DurableClient } from "durable-functions";
import type { TaskRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { workInHand } from "./stopRound.ts";

/**
 * Gives the round of a task to the agent group that the task is bound to, if it has another one. The round's row says which group;
 * its orchestrations look at what waits (checkWork.ts) and send it there.
 */
export async function regroupRound(
  { rounds }: Pick<Services, "rounds">,
  client: DurableClient,
  { id, round: number = 0, agentGroup }: TaskRecord,
): Promise<void> {
  let isMoved = false;
  const round = await rounds.change(id, number, (value) => {
    isMoved = value.state === "InProgress" && !value.wish && value.agentGroup !== agentGroup;
    return isMoved ? { ...value, agentGroup } : undefined;
  });
  if (!round || !isMoved) return;
  const { scan, packages } = await workInHand(rounds, round);
  const waiting = [scan, ...packages.map(({ work }) => work)].filter(
    (work) => work?.state === "queued",
  );
  // Hints: who misses one finds out by its own timer.
  await Promise.all(
    waiting.map((work) =>
      client.raiseEvent(work?.instance ?? "", "finished", {}).catch(() => undefined),
    ),
  );
}
