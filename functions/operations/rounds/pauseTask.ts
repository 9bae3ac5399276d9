import type { DurableClient } from "durable-functions";
import type { TaskState } from "../../../shared/contracts/tasks.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { begun, taskAfter } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import { requireTask } from "../require.ts";
import { planWakeUps } from "../tasks/planWakeUps.ts";
import { leaveQueue } from "./dispatch.ts";
import { reviveRound } from "./startRound.ts";
import { stopRound } from "./stopRound.ts";

/**
 * Pauses a task. Agents give back what they have in hand at the next file or segment, packages that are uploaded go on until
 * SharePoint has them, and the task is Paused when all is quiet; at once, when it still waits for its turn. The task's row
 * comes before the round's: whoever finds it Pausing goes on. Returns the task's state.
 */
export async function pauseTask(
  app: Services,
  client: DurableClient,
  taskId: string,
  by: NonNullable<TaskRecord["paused"]>["by"],
  reason: string,
): Promise<TaskState | undefined> {
  const { tasks, rounds } = app;
  const before = await requireTask(app, taskId);
  const waited = await leaveQueue(app, before);
  const paused = { by, reason, at: new Date().toISOString() };
  const task = await tasks.update(before, (value) => ({
    ...value,
    state: isHeld(value, by)
      ? value.state
      : taskAfter(waited ? value.state : begun(value.state), "pause"),
    paused,
  }));
  if (task) await planWakeUps(app, task, Date.now());
  if (task?.state === "Pausing") {
    const round = await rounds.find(taskId, task.round ?? 0);
    if (round?.state === "InProgress") await stopRound(app, client, round, "pause");
    else await reviveRound(app, client, taskId);
  } else await tasks.setInactive(taskId);
  return task?.state;
}

/** What a window has paused a person may pause as well: then no window goes on with it. */
const isHeld = ({ state, paused }: TaskRecord, by: string): boolean =>
  by === "person" && paused?.by === "window" && (state === "Paused" || state === "Pausing");
