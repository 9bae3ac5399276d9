import type { DurableClient } from "durable-functions";
import type { TaskRecord } from "../../domain/records.ts";
import { isDueAt, outsideWindows, windowState } from "../../domain/tasks/schedules.ts";
import { isOpen } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import type { WakeUp } from "../../stores/wakeUps.ts";
import { pauseTask } from "../rounds/pauseTask.ts";
import { resumeRound, startRound } from "../rounds/startRound.ts";
import { planWakeUps } from "./planWakeUps.ts";

/**
 * Looks at a task whose time has come: begins a run that is due, pauses it at the end of its window and goes on with it at the
 * begin of one. Whoever is cut off does it again; what was done by then is not done twice, because the task's state says so.
 */
export async function wakeTask(
  app: Services,
  client: DurableClient,
  wakeUp: WakeUp,
  now: number,
): Promise<void> {
  const { tasks, wakeUps } = app;
  const { taskId } = wakeUp;
  const task = await tasks.find(taskId);
  if (task) {
    if (isDueAt(task.schedule, Date.parse(wakeUp.at))) await runDue(app, client, task, wakeUp.at);
    await heedWindows(app, client, taskId, now);
    await planWakeUps(app, taskId, now);
  }
  await wakeUps.remove(wakeUp);
}

/** A run that is due while the one before is still open is left out, and the task says so. */
async function runDue(
  app: Services,
  client: DurableClient,
  { id, state, round }: TaskRecord,
  at: string,
): Promise<void> {
  if (!isOpen(state) && state !== "Paused") {
    await startRound(app, client, id);
    return;
  }
  const reason = `the run that was due then was left out: round R${round ?? 0} was ${state}`;
  await app.tasks.update(id, (value) => ({ ...value, missed: { at, reason } }));
}

async function heedWindows(
  app: Services,
  client: DurableClient,
  taskId: string,
  now: number,
): Promise<void> {
  const task = await app.tasks.find(taskId);
  if (!task?.windows) return;
  const { open, changesAt } = windowState(task.windows, now);
  if (!open && (task.state === "Queued" || task.state === "InProgress"))
    await pauseTask(app, client, taskId, "window", outsideWindows(changesAt));
  const isPaused = task.state === "Paused" || task.state === "Pausing";
  if (open && isPaused && task.paused?.by === "window") await resumeRound(app, client, taskId);
}
