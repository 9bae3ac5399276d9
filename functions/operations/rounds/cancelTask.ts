import type { DurableClient } from "durable-functions";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { TaskState } from "../../../shared/contracts/tasks.ts";
import { begun, taskAfter } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import { requireTask } from "../require.ts";
import { beginRun } from "./beginRun.ts";
import { leaveQueue } from "./dispatch.ts";
import { stopRound } from "./stopRound.ts";

/**
 * Cancels a task: agents drop what they have in hand, jobs at SharePoint are taken back, and every item that was scanned gets
 * its outcome. A round that nobody works on, because it is paused or about to be, takes a new run for that, which finds out what
 * became of its jobs. A task whose round has not begun is Cancelled at once; what was scheduled is not due any more.
 * Returns the task's state.
 */
export async function cancelTask(
  app: Services,
  client: DurableClient,
  taskId: string,
): Promise<TaskState> {
  const { tasks, rounds } = app;
  const before = await requireTask(app, taskId);
  const waited = await leaveQueue(app, before);
  const open = await rounds.find(taskId, before.round ?? 0);
  const from = waited && !open ? before.state : begun(before.state);
  const state = taskAfter(from, "cancel");
  // Before the state, so that the timer brings it to its end should we be cut off.
  await tasks.setActive(taskId);
  let mine = false;
  const task = await tasks.update(before, ({ paused: _paused, ...value }) => {
    mine = value.state === before.state;
    if (!mine) return undefined;
    if (state !== "Cancelled") return { ...value, state };
    const { schedule, round, ...rest } = value;
    // The round that was to begin has no row: the one before it is the newest still.
    const newest = before.state === "Queued" ? (round ?? 0) - 1 : (round ?? -1);
    return {
      ...rest,
      state,
      ...(schedule && before.state !== "Scheduled" && { schedule }),
      ...(newest >= 0 && { round: newest }),
    };
  });
  if (!task || !mine)
    throw new LongshoreError("CONFLICT", `task ${taskId} has just become ${task?.state}`);
  if (state === "Cancelled") {
    await tasks.setInactive(taskId);
    return state;
  }
  const round = await rounds.find(taskId, task.round ?? 0);
  const isRunning = round?.state === "InProgress" && round.wish !== "pause";
  if (isRunning) await stopRound(app, client, round, "cancel");
  else await beginRun(app, client, task, task.round ?? 0);
  return state;
}
