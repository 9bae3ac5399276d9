import type { TaskRecord } from "../../domain/records.ts";
import { instant, nextRun, windowState } from "../../domain/schedules.ts";
import { isOpen } from "../../domain/taskStates.ts";
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
  for (const at of [dueAt(task, now), nextWindow(task, now)])
    if (at !== undefined) await wakeUps.put({ taskId: task.id, at: instant(at) });
}

/** A task whose only run was due before anybody noted it runs all the same. */
function dueAt({ state, schedule }: TaskRecord, now: number): number | undefined {
  const late = schedule && "at" in schedule && state === "Scheduled";
  return late ? Date.parse(schedule.at) : nextRun(schedule, now);
}

function nextWindow({ state, paused, windows }: TaskRecord, now: number): number | undefined {
  const heeds = isOpen(state) || (state === "Paused" && paused?.by === "window");
  return heeds ? windowState(windows, now).changesAt : undefined;
}
