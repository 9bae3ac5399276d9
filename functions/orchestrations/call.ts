import type { OrchestrationContext, Task } from "durable-functions";
import * as df from "durable-functions";
import { type ErrorCode, errorDefinition, isErrorCode } from "../../shared/contracts/errors.ts";
import type { Issue } from "../../shared/contracts/inventory.ts";
import type { Activity, ActivityResult } from "../activities/activity.ts";

/**
 * Typed steps of an orchestrator: `const x = yield* call(context, activity, input)`.
 *
 * Rules that durable-functions 3.5 makes necessary, kept here and in every orchestrator: a task is given to Task.any or
 * Task.all once in its life, thrown errors have a message, no retry has a total time-out, inputs are objects.
 */
export type Steps<O> = Generator<Task, O, unknown>;

/** As much of a message as rows and reports take. */
const MAX_MESSAGE = 1000;

/** An activity or child that failed for good. The code stands in the text, too: between orchestrations only that travels. */
export class StepError extends Error {
  readonly issue: Issue;

  constructor(code: ErrorCode, message: string) {
    super(`[${code}] ${message || code}`);
    this.issue = { code, message: (message || code).slice(0, MAX_MESSAGE) };
  }
}

const retry = new df.RetryOptions(1_000, 5);
retry.backoffCoefficient = 2;
retry.maxRetryIntervalInMilliseconds = 30_000;

/**
 * Runs an activity, with retries for what a retry may mend; while SharePoint throttles the app it waits until the time that
 * SharePoint named. Throws StepError.
 */
export function* call<I, O>(
  context: OrchestrationContext,
  activity: Activity<I, O>,
  input: I,
): Steps<O> {
  for (;;) {
    let result: ActivityResult<O>;
    try {
      result = (yield context.df.callActivityWithRetry(
        activity.name,
        retry,
        input,
      )) as ActivityResult<O>;
    } catch (error) {
      throw stepError(error);
    }
    if (result.ok) return result.value;
    if (result.code !== "THROTTLED") throw new StepError(result.code, result.message);
    yield* sleep(context, throttledFor(context, result.message));
  }
}

/** Whoever waits for the same moment does not come back in the same one. */
const SPREAD_MS = 5_000;

/** How long a THROTTLED step has to wait: until the time at the end of its message, and a little more for some than for others. */
function throttledFor(
  { df: { instanceId, currentUtcDateTime } }: OrchestrationContext,
  message: string,
) {
  const until = Date.parse(/until (\S+)$/.exec(message)?.[1] ?? "");
  let spread = 0;
  for (const character of instanceId) spread = (spread * 31 + character.charCodeAt(0)) % SPREAD_MS;
  return Math.max(1_000, (until || 0) - currentUtcDateTime.getTime()) + spread;
}

/** Between two tries of a step that must not be given up lightly, and how many if SharePoint is not the reason. */
const PATIENCE_MS = 60_000;
const PATIENT_TRIES = 30;

/** Runs an activity about a job that SharePoint has accepted: waits until it can be reached again, however long that takes. */
export function* patiently<I, O>(
  context: OrchestrationContext,
  activity: Activity<I, O>,
  input: I,
): Steps<O> {
  for (let tries = 1; ; ) {
    try {
      return yield* call(context, activity, input);
    } catch (error) {
      const { code } = stepError(error).issue;
      if (code !== "DESTINATION_UNREACHABLE") tries++;
      if (!errorDefinition(code).retryable || tries > PATIENT_TRIES) throw error;
      yield* sleep(context, PATIENCE_MS);
    }
  }
}

/** Runs a child orchestration under an id that says where it belongs. */
export function* callChild<O>(
  context: OrchestrationContext,
  name: string,
  input: object,
  instanceId: string,
): Steps<O> {
  try {
    return (yield context.df.callSubOrchestrator(name, input, instanceId)) as O;
  } catch (error) {
    throw stepError(error);
  }
}

/** Whatever came out of a failed step, with the code that its text carries. */
export function stepError(error: unknown): StepError {
  if (error instanceof StepError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const found = /\[([A-Z_]+)\] ([^\n]*)/.exec(text);
  const code = found?.[1] ?? "";
  return isErrorCode(code)
    ? new StepError(code, found?.[2]?.trim() ?? "")
    : new StepError("INTERNAL", text.split("\n")[0]?.trim() ?? "");
}

/**
 * Waits until the event or the time comes, whichever is first. Events are hints: the caller looks at the tables afterwards in
 * either case.
 */
export function* eventOrTime(
  context: OrchestrationContext,
  event: string,
  milliseconds: number,
): Steps<void> {
  const timer = context.df.createTimer(
    new Date(context.df.currentUtcDateTime.getTime() + milliseconds),
  );
  const raised = context.df.waitForExternalEvent(event);
  const first = yield context.df.Task.any([raised, timer]);
  if ((first as unknown) === raised) timer.cancel();
}

export function* sleep(context: OrchestrationContext, milliseconds: number): Steps<void> {
  yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + milliseconds));
}
