import type { RetryPolicy } from "./actions.ts";
import { BUILTIN_HTTP, type HttpRequest, nextPoll } from "./call-http.ts";
import { timeSpan } from "./options.ts";
import { OrchestrationFault } from "./orchestration-fault.ts";
import type { Replay } from "./replay.ts";
import { Step } from "./step.ts";

/* Actions that become several operations, each with its own id, taken when the one before has ended. */

/** Longer timers than the storage can hold are chains of shorter ones, each with its own id. */
export function createTimer(replay: Replay, fireAt: number, canceled: boolean): Step {
  const { maximumShortTimerDuration, longRunningTimerIntervalDuration } = replay.options;
  const isShort = fireAt - replay.now <= timeSpan(maximumShortTimerDuration);
  const longest = isShort ? Number.POSITIVE_INFINITY : timeSpan(longRunningTimerIntervalDuration);
  const timer = new Step();
  const next = (): void => {
    startTimer(replay, Math.min(fireAt, replay.now + longest)).onDone(() => {
      if (isShort || replay.now >= fireAt) timer.complete();
      else next();
    });
  };
  next();
  if (canceled) timer.complete(true);
  return timer;
}

/** DTFx `RetryInterceptor`: it really waits once more after the last attempt. */
export function retry(replay: Replay, start: () => Step, policy: RetryPolicy): Step {
  const {
    firstRetryIntervalInMilliseconds: first,
    maxNumberOfAttempts,
    backoffCoefficient = 1,
    maxRetryIntervalInMilliseconds: longest = Number.POSITIVE_INFINITY,
    retryTimeoutInMilliseconds = Number.POSITIVE_INFINITY,
  } = policy;
  const result = new Step();
  const began = replay.now;
  const attempt = (failures: number): void => {
    start().onDone((step) => {
      if (!step.failed) return result.complete();
      const expired = replay.now >= began + retryTimeoutInMilliseconds;
      const delay = Math.min(first * backoffCoefficient ** failures, longest);
      if (expired || delay <= 0) return result.complete(true);
      startTimer(replay, replay.now + delay).onDone(() => {
        if (failures + 1 < maxNumberOfAttempts) attempt(failures + 1);
        else result.complete(true);
      });
    });
  };
  attempt(0);
  return result;
}

/** A request that is answered 202 is polled at its Location, with a durable timer in between. */
export function callHttp(replay: Replay, request: HttpRequest): Step {
  const result = new Step();
  const send = (current: HttpRequest): void => {
    replay.operations.start({ kind: "task", name: BUILTIN_HTTP, input: current }).onDone((step) => {
      const poll = step.failed ? undefined : nextPoll(current, step.result);
      if (!poll) return result.complete(step.failed);
      startTimer(replay, replay.now + poll.delayMs).onDone(() => send(poll.request));
    });
  };
  send(request);
  return result;
}

function startTimer({ operations }: Replay, fireAt: number): Step {
  if (Number.isNaN(new Date(fireAt).getTime())) {
    throw new OrchestrationFault("A timer, or the pause before a retry, has no valid date to end.");
  }
  return operations.start({ kind: "timer", fireAt });
}
