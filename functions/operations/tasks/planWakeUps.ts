import type { TaskRecord } from "../../domain/records.ts";
import { instant, nextRun, windowState } from "../../domain/tasks/schedules.ts";
import { isOpen } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";

/**
 * Notes when a task has to be looked at next: when a run is due, and, while it works or waits for a window, when one opens or
 * closes. Call it whenever one of these has changed; what was noted before does no harm.
 */
export async function planWakeUps(
  { tasks, wakeUps }: Pick<Services, "tasks" | "wakeUps">,
  of: string | TaskRecord,
  now: number,
): Promise<void> {
  const task = typeof of === "string" ? await tasks.find(of) : of;
  if (!task) return;
  for (const at of wakeUpsOf(task, now)) await wakeUps.put({ taskId: task.id, at });
}

/** Takes back what was noted for a task as it was, but for what is noted for it still. */
export async function dropWakeUps(
  { wakeUps }: Pick<Services, "wakeUps">,
  before: TaskRecord,
  still: readonly string[],
  now: number,
): Promise<void> {
  for (const at of wakeUpsOf(before, now))
    if (!still.includes(at)) await wakeUps.remove({ taskId: before.id, at });
}

/** When a task has to be looked at next, as instants. */
export const wakeUpsOf = (task: TaskRecord, now: number): string[] =>
  [dueAt(task, now), nextWindow(task, now)].flatMap((at) =>
    at === undefined ? [] : [instant(at)],
  );

/** A task whose only run was due before anybody noted it runs all the same. */
function dueAt({ state, schedule }: TaskRecord, now: number): number | undefined {
  const late = schedule && "at" in schedule && state === "Scheduled";
  return late ? Date.parse(schedule.at) : nextRun(schedule, now);
}

function nextWindow({ state, paused, windows }: TaskRecord, now: number): number | undefined {
  const heeds = isOpen(state) || (state === "Paused" && paused?.by === "window");
  return heeds ? windowState(windows, now).changesAt : undefined;
}
