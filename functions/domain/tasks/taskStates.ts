import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { TASK_STATES, type TaskState } from "../../../shared/contracts/tasks.ts";
import type { TaskRecord } from "../records.ts";

export type TaskEvent =
  | "run"
  | "schedule"
  | "begin"
  | "pause"
  | "freed"
  | "resume"
  | "cancel"
  | "complete"
  | "completeWithErrors"
  | "fail";

/**
 * The whole life of a task. What is not in the table is refused. "freed": nobody works on the round any more. What is paused or
 * cancelled may come to its proper end first, and what is pausing may be resumed at once.
 */
const TABLE: Record<TaskState, Partial<Record<TaskEvent, TaskState>>> = {
  Scheduled: { run: "Queued", schedule: "Scheduled", cancel: "Cancelled" },
  Queued: { begin: "InProgress", pause: "Paused", cancel: "Cancelled", fail: "Failed" },
  InProgress: {
    pause: "Pausing",
    cancel: "Cancelling",
    complete: "Completed",
    completeWithErrors: "CompletedWithErrors",
    fail: "Failed",
  },
  Pausing: {
    freed: "Paused",
    resume: "Queued",
    cancel: "Cancelling",
    complete: "Completed",
    completeWithErrors: "CompletedWithErrors",
    fail: "Failed",
  },
  Paused: { resume: "Queued", cancel: "Cancelling" },
  Cancelling: {
    freed: "Cancelled",
    complete: "Completed",
    completeWithErrors: "CompletedWithErrors",
    fail: "Failed",
  },
  Cancelled: { run: "Queued", schedule: "Scheduled" },
  Completed: { run: "Queued", schedule: "Scheduled" },
  CompletedWithErrors: { run: "Queued", schedule: "Scheduled" },
  Failed: { run: "Queued", schedule: "Scheduled" },
};

/** The state after an event; refuses what the table does not have. */
export function taskAfter(state: TaskState, event: TaskEvent): TaskState {
  const next = TABLE[state][event];
  if (next) return next;
  const allowing = TASK_STATES.filter((each) => TABLE[each][event]);
  const some = allowing.length > 1 ? `${allowing.slice(0, -1).join(", ")} or ` : "";
  throw new LongshoreError(
    "CONFLICT",
    `a task that is ${state} cannot ${event}: only one that is ${some}${allowing.at(-1)} can`,
  );
}

export const allows = (state: TaskState, event: TaskEvent): boolean =>
  TABLE[state][event] !== undefined;

/** Where each action of people leads to: who asks for it there has it already. */
const DONE: Record<"run" | "pause" | "resume" | "cancel", readonly TaskState[]> = {
  run: ["Queued", "InProgress"],
  pause: ["Pausing", "Paused"],
  resume: ["Queued", "InProgress"],
  cancel: ["Cancelling", "Cancelled"],
};

/** Whether a person's action has happened already, or is under way. What a window has paused, a person has not. */
export const isDone = (
  { state, paused }: Pick<TaskRecord, "state" | "paused">,
  action: keyof typeof DONE,
): boolean => DONE[action].includes(state) && !(action === "pause" && paused?.by === "window");

/** A queued task whose round has its turn already is begun, whether or not that has been noted. */
export const begun = (state: TaskState): TaskState => (state === "Queued" ? "InProgress" : state);

/** The state after its round came to this end. Whoever reports late changes nothing. */
export const taskEnded = (
  state: TaskState,
  event: "freed" | "complete" | "completeWithErrors" | "fail",
): TaskState => TABLE[begun(state)][event] ?? state;

/** A round of the task is being worked on, or about to be. */
export const isOpen = (state: TaskState): boolean =>
  state === "Queued" || state === "InProgress" || state === "Pausing" || state === "Cancelling";

export const isFinished = (state: TaskState): boolean =>
  state === "Completed" ||
  state === "CompletedWithErrors" ||
  state === "Failed" ||
  state === "Cancelled";
