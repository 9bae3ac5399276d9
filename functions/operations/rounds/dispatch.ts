import type { DurableClient } from "durable-functions";
import type { TaskRecord } from "../../domain/records.ts";
import { instant, outsideWindows, windowState } from "../../domain/schedules.ts";
import { taskAfter } from "../../domain/taskStates.ts";
import type { Services } from "../../services.ts";
import { planWakeUps } from "../tasks/planWakeUps.ts";
import { beginRun } from "./beginRun.ts";

/** Puts a queued task into the queue of its agent group, at the place it has. */
export async function enqueue({ admission }: Services, task: TaskRecord): Promise<void> {
  if (task.queued) await admission.enqueue({ ...task.queued, taskId: task.id });
}

/** Begins the oldest queued tasks of an agent group, as many as may have a round in progress at the same time. */
export async function dispatch(app: Services, client: DurableClient, group: string): Promise<void> {
  const { admission, tasks, config } = app;
  for (;;) {
    const taskId = await admission.admit(group, config.TASKS_AT_ONCE);
    if (taskId === undefined) return;
    const task = await tasks.find(taskId);
    // It may have been paused, cancelled or deleted since it was queued.
    if (task?.state === "Queued" && !(await holdOutsideWindows(app, task))) {
      await planWakeUps(app, task, Date.now());
      await beginRun(app, client, task, task.round ?? 0);
    } else await admission.leave(group, taskId);
  }
}

/** Pauses a queued task that may not work now, until its next window opens. False when it may. */
async function holdOutsideWindows(app: Services, task: TaskRecord): Promise<boolean> {
  const now = Date.now();
  const { open, changesAt } = windowState(task.windows, now);
  if (open) return false;
  const paused = { by: "window" as const, reason: outsideWindows(changesAt), at: instant(now) };
  const held = await app.tasks.update(task.id, (value) =>
    value.state === "Queued"
      ? { ...value, state: taskAfter(value.state, "pause"), paused }
      : undefined,
  );
  if (held) await planWakeUps(app, held, now);
  await app.tasks.setInactive(task.id);
  return true;
}

/** Takes a task off the queue. False when it does not wait there: it has its turn, or none is due to it. */
export async function leaveQueue(
  { admission }: Pick<Services, "admission">,
  { id, state, queued }: TaskRecord,
): Promise<boolean> {
  return (
    state === "Queued" && queued !== undefined && admission.withdraw({ ...queued, taskId: id })
  );
}

/** The round of a task is over or put aside: it has had its turn. */
export async function leaveTurn({ admission }: Pick<Services, "admission">, task: TaskRecord) {
  if (task.queued) await admission.leave(task.queued.group, task.id);
}
