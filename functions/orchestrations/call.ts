import type { OrchestrationContext, Task } from "durable-functions";
import * as df from "durable-functions";
import { type ErrorCode, isErrorCode } from "../../shared/contracts/errors.ts";
import type { Activity, ActivityResult } from "../activities/activity.ts";

/**
 * Typed steps of an orchestrator: `const x = yield* call(context, activity, input)`.
 *
 * Rules that durable-functions 3.5 makes necessary, kept here and in every orchestrator: a task is given to Task.any or
 * Task.all once in its life, thrown errors have a message, no retry has a total time-out, inputs are objects.
 */
export type Steps<O> = Generator<Task, O, unknown>;

/** An activity or child that failed for good, with its code. */
export class StepError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(`[${code}] ${message || code}`);
    this.code = code;
  }
}

const retry = new df.RetryOptions(1_000, 5);
retry.backoffCoefficient = 2;
retry.maxRetryIntervalInMilliseconds = 30_000;

/** Runs an activity, with retries for what a retry may mend. Throws StepError. */
export function* call<I, O>(
  context: OrchestrationContext,
  activity: Activity<I, O>,
  input: I,
): Steps<O> {
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
  if (!result.ok) throw new StepError(result.code, result.message);
  return result.value;
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
    ? new StepError(code, found?.[2] ?? "")
    : new StepError("INTERNAL", text.split("\n")[0] ?? "");
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
