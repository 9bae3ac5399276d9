import type { DurableClient } from "durable-functions";
import type { TaskRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { dispatch, enqueue, leaveQueue } from "../rounds/dispatch.ts";
import { workInHand } from "../rounds/stopRound.ts";

/**
 * Binds a task to another agent group, which `change` writes into its row. A task that waits for its turn waits in the other
 * group's queue from now on, at the place of the time since when it waits. Of a round in progress, what no agent has taken yet
 * goes to the other group, and everything that comes; who has a lease finishes what he has in hand. The turn that the round has
 * stays one of the group that gave it.
 */
export async function moveToGroup(
  app: Services,
  client: DurableClient,
  before: TaskRecord,
  change: (isMoved: (task: TaskRecord) => TaskRecord) => Promise<TaskRecord | undefined>,
): Promise<TaskRecord | undefined> {
  const waited = await leaveQueue(app, before);
  const inOtherQueue = (task: TaskRecord): TaskRecord =>
    waited && task.queued ? { ...task, queued: { ...task.queued, group: task.agentGroup } } : task;
  // Whatever comes of it, the task has a place again: the old one, if it may not be changed.
  const changed = await change(inOtherQueue).catch(async (error: unknown) => {
    if (waited) await enqueue(app, before);
    throw error;
  });
  if (!changed) return undefined;
  if (waited) {
    await enqueue(app, changed);
    await dispatch(app, client, changed.agentGroup);
  } else if (changed.state === "InProgress" || changed.state === "Queued")
    await moveRound(app, client, changed);
  return changed;
}

/** The round's row says which group; its orchestrations look at what waits (checkWork.ts) and send it there. */
async function moveRound(
  { rounds }: Services,
  client: DurableClient,
  { id, round: number = 0, agentGroup }: TaskRecord,
): Promise<void> {
  const round = await rounds.change(id, number, (value) =>
    value.state === "InProgress" && !value.wish ? { ...value, agentGroup } : undefined,
  );
  if (round?.state !== "InProgress") return;
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
