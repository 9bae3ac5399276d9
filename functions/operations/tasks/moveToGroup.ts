import type { DurableClient } from "durable-functions";
import type { TaskRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { dispatch, enqueue, leaveQueue } from "../rounds/dispatch.ts";
import { regroupRound } from "../rounds/regroupRound.ts";

/**
 * Binds a task to another agent group, which `change` writes into its row. A task that waits for its turn waits in the other
 * group's queue from now on, at the place of the time since when it waits. Of a round in progress, what no agent has taken yet
 * goes to the other group, and everything that comes; who has a lease finishes what he has in hand. The turn that the round has
 * stays one of the group that gave it. The task's row comes before the round's: whoever looks after the round goes on.
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
    await regroupRound(app, client, changed);
  return changed;
}
