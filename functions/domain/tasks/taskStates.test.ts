import { describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { TASK_STATES, type TaskState } from "../../../shared/contracts/tasks.ts";
import { isFinished, isOpen, type TaskEvent, taskAfter, taskEnded } from "./taskStates.ts";

const EVENTS: TaskEvent[] = [
  ...(["run", "schedule", "begin", "pause", "freed", "resume", "cancel"] as const),
  ...(["complete", "completeWithErrors", "fail"] as const),
];

/** Every transition there is; what is not here must be refused. */
const LIFE: Record<TaskState, string> = {
  Scheduled: "run>Queued schedule>Scheduled cancel>Cancelled",
  Queued: "begin>InProgress pause>Paused cancel>Cancelled fail>Failed",
  InProgress:
    "pause>Pausing cancel>Cancelling complete>Completed completeWithErrors>CompletedWithErrors fail>Failed",
  Pausing:
    "freed>Paused resume>Queued cancel>Cancelling complete>Completed completeWithErrors>CompletedWithErrors fail>Failed",
  Paused: "resume>Queued cancel>Cancelling",
  Cancelling:
    "freed>Cancelled complete>Completed completeWithErrors>CompletedWithErrors fail>Failed",
  Cancelled: "run>Queued schedule>Scheduled",
  Completed: "run>Queued schedule>Scheduled",
  CompletedWithErrors: "run>Queued schedule>Scheduled",
  Failed: "run>Queued schedule>Scheduled",
};

describe("the life of a task", () => {
  const pairs = TASK_STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const));

  it.each(pairs)("%s: %s", (state, event) => {
    const allowed = new Map(
      LIFE[state].split(" ").map((pair) => pair.split(">") as [string, string]),
    );
    const next = allowed.get(event);
    if (next) return expect(taskAfter(state, event)).toBe(next);
    const refused = () => taskAfter(state, event);
    expect(refused).toThrow(`a task that is ${state} cannot ${event}`);
    expect(refused).toThrow(LongshoreError);
  });

  it("is open, finished or neither", () => {
    expect(TASK_STATES.filter(isOpen)).toEqual([
      ...["Queued", "InProgress", "Pausing", "Cancelling"],
    ]);
    expect(TASK_STATES.filter(isFinished)).toEqual([
      ...["Cancelled", "Completed", "CompletedWithErrors", "Failed"],
    ]);
  });

  it.each([
    ["Queued", "complete", "Completed"],
    ["InProgress", "fail", "Failed"],
    ["Pausing", "freed", "Paused"],
    ["Cancelling", "freed", "Cancelled"],
    ["Pausing", "completeWithErrors", "CompletedWithErrors"],
    // A run that others have taken over, or whose task was cancelled or paused meanwhile, reports too late.
    ["Queued", "freed", "Queued"],
    ["Paused", "complete", "Paused"],
    ["Cancelled", "fail", "Cancelled"],
  ] as const)("ends: %s, when its round says %s, is %s", (state, event, next) => {
    expect(taskEnded(state, event)).toBe(next);
  });

  it("leads from every state to an end, and from every end to another run", () => {
    for (const state of TASK_STATES) {
      const reachable = new Set<TaskState>([state]);
      for (const from of reachable)
        for (const pair of LIFE[from].split(" ")) reachable.add(pair.split(">")[1] as TaskState);
      expect([...reachable].some(isFinished)).toBe(true);
      expect(reachable.has("Queued")).toBe(true);
    }
  });
});
