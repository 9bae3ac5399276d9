import type { DurableClient } from "durable-functions";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { TaskRecord } from "../domain/records.ts";
import { begun, taskAfter } from "../domain/taskStates.ts";
import type { Services } from "../services.ts";
import { stopRound } from "./stopRound.ts";

/**
 * Pauses a task. Agents give back what they have in hand at the next file or segment, packages that are uploaded go on until
 * SharePoint has them, and the task is Paused when all is quiet. The task's row comes first: whoever finds it Pausing goes on.
 */
export async function pauseTask(
  app: Services,
  client: DurableClient,
  taskId: string,
  by: NonNullable<TaskRecord["paused"]>["by"],
  reason: string,
): Promise<void> {
  const { tasks, rounds } = app;
  const paused = { by, reason, at: new Date().toISOString() };
  const task = await tasks.update(taskId, (value) => ({
    ...value,
    state: taskAfter(begun(value.state), "pause"),
    paused,
  }));
  if (!task) throw new LongshoreError("NOT_FOUND", `there is no task ${taskId}`);
  const round = await rounds.find(taskId, task.round ?? 0);
  if (round) await stopRound(app, client, round, "pause");
}
