/**
 * Replays the action list of the SDK against history, exactly as the Durable extension does
 * (`OutOfProcOrchestrationShim` on top of DTFx `TaskOrchestrationContext`).
 *
 * The SDK returns *every* action since the execution began, not the new ones, and DTFx hands out the
 * event ids while it walks them: retries, compound tasks, entity calls and long timers take ids at
 * moments that only this walk knows. What no history event has claimed at the end is new.
 */
import { createHash } from "node:crypto";
import {
  type Action,
  ActionType,
  type EntityRequest,
  type RetryPolicy,
  type SubOrchestrator,
} from "./actions.ts";
import { BUILTIN_HTTP, type HttpRequest, nextPoll } from "./call-http.ts";
import { EventType, type HistoryEvent } from "./history.ts";
import { type DurableOptions, timeSpan } from "./options.ts";
import { OrchestrationFault } from "./orchestration-fault.ts";
import { all, any, Step } from "./step.ts";

/** A DTFx operation that history may or may not have seen yet. */
export type Scheduled = { id: number } & Operation;

type Operation =
  | { kind: "task"; name: string; input: unknown }
  | { kind: "sub"; name: string; input: unknown; instanceId?: string; version?: string }
  | { kind: "timer"; fireAt: number }
  | { kind: "event"; target: string; name: string; payload: object };

/** Waiters are a stack (last in, first out), as in the extension; what came before anybody waited is counted. */
interface ExternalEvent {
  waiters: Step[];
  early: number;
}

/** While suspended everything else waits. */
const PASSES_SUSPENSION = new Set<number>([
  EventType.ExecutionResumed,
  EventType.OrchestratorStarted,
  EventType.OrchestratorCompleted,
]);

export class Shim {
  /** The id that the next operation gets. */
  nextId = 0;
  /** Operations without a history event: the new ones, once all history is fed. */
  readonly fresh = new Map<number, Scheduled>();
  /** Set once all actions have been awaited. */
  finished = false;
  suspended = false;
  /** The input of the next generation, if the orchestrator continues as new. */
  continuation: { input: unknown } | undefined;
  /** Events that came after continueAsNew in the same turn: the next generation gets them. */
  readonly carried: HistoryEvent[] = [];
  readonly #instance: { id: string; execution: string };
  readonly #actions: readonly Action[];
  readonly #options: DurableOptions;
  readonly #open = new Map<number, Step>();
  readonly #external = new Map<string, ExternalEvent>();
  readonly #parked: HistoryEvent[] = [];
  #position = 0;
  #current: Step | undefined;
  #now = 0;

  constructor(
    instance: { id: string; execution: string },
    actions: readonly Action[],
    options: DurableOptions,
  ) {
    this.#instance = instance;
    this.#actions = actions;
    this.#options = options;
  }

  /** Whether nothing can move the orchestration on: no operation is under way or new, and nobody waits for an event. */
  get isIdle(): boolean {
    const waits = [...this.#external.values()].some(({ waiters }) => waiters.length > 0);
    return !waits && this.#open.size === 0 && this.fresh.size === 0;
  }

  /** Feeds one history event, in order. */
  feed(event: HistoryEvent): void {
    if (this.suspended && !PASSES_SUSPENSION.has(event.EventType)) {
      this.#parked.push(event);
      return;
    }
    switch (event.EventType) {
      case EventType.OrchestratorStarted:
        this.#now = Math.max(this.#now, Date.parse(event.Timestamp));
        break;
      case EventType.ExecutionStarted:
        this.#advance();
        break;
      case EventType.TaskScheduled:
        this.#claim(event.EventId, "task", event.Name);
        break;
      case EventType.SubOrchestrationInstanceCreated:
        this.#claim(event.EventId, "sub", event.Name);
        break;
      case EventType.TimerCreated:
        this.#claim(event.EventId, "timer");
        break;
      case EventType.EventSent:
        this.#claim(event.EventId, "event");
        break;
      case EventType.TaskCompleted:
      case EventType.SubOrchestrationInstanceCompleted:
        this.#settle(event.TaskScheduledId, false, event.Result);
        break;
      case EventType.TaskFailed:
      case EventType.SubOrchestrationInstanceFailed:
        this.#settle(event.TaskScheduledId, true);
        break;
      case EventType.TimerFired:
        this.#settle(event.TimerId, false);
        break;
      case EventType.EventRaised:
        if (this.continuation) this.carried.push(event);
        else this.#raise(event.Name);
        break;
      case EventType.ExecutionSuspended:
        this.suspended = true;
        break;
      case EventType.ExecutionResumed:
        this.suspended = false;
        for (const parked of this.#parked.splice(0)) this.feed(parked);
        break;
    }
  }

  #advance(): void {
    while (this.#current?.done ?? true) {
      const action = this.#actions[this.#position++];
      if (!action) {
        this.finished = true;
        return;
      }
      this.#current = this.#perform(action);
    }
  }

  #perform(action: Action): Step {
    switch (action.actionType) {
      case ActionType.CallActivity:
        return this.#task(action);
      case ActionType.CallActivityWithRetry:
        return this.#retry(() => this.#task(action), action.retryOptions);
      case ActionType.CallSubOrchestrator:
        return this.#sub(action);
      case ActionType.CallSubOrchestratorWithRetry:
        return this.#retry(() => this.#sub(action), action.retryOptions);
      case ActionType.CreateTimer:
        return this.#createTimer(Date.parse(action.fireAt), action.isCanceled);
      case ActionType.WaitForExternalEvent:
        return this.#waitFor(action.externalEventName);
      case ActionType.CallEntity: {
        const id = this.#nextGuid();
        this.#send(action.instanceId, "op", this.#request(action.operation, action.input, id));
        return this.#waitFor(id);
      }
      case ActionType.SignalEntity:
        return this.#signal(action);
      case ActionType.ScheduledSignalEntity:
        return this.#signal(action, action.fireAt);
      case ActionType.CallHttp:
        return this.#callHttp(action.httpRequest);
      case ActionType.ContinueAsNew:
        this.continuation = { input: action.input };
        return Step.completed();
      case ActionType.WhenAll:
        return all(action.compoundActions.map((child) => this.#perform(child)));
      case ActionType.WhenAny:
        return any(action.compoundActions.map((child) => this.#perform(child)));
      default: {
        const { actionType } = action as { actionType: unknown };
        throw new OrchestrationFault(
          `Received an unexpected action type from the out-of-proc function: '${actionType}'.`,
        );
      }
    }
  }

  #task({ functionName, input }: { functionName: string; input?: unknown }): Step {
    return this.#start({ kind: "task", name: functionName, input });
  }

  #sub({ functionName: name, input, ...rest }: SubOrchestrator): Step {
    if (rest.instanceId?.startsWith("@")) {
      throw new OrchestrationFault("Orchestration instance ids must not start with '@'.");
    }
    return this.#start({ kind: "sub", name, input, ...rest });
  }

  #timer(fireAt: number): Step {
    if (Number.isNaN(new Date(fireAt).getTime())) {
      throw new OrchestrationFault(
        "A timer, or the pause before a retry, has no valid date to end.",
      );
    }
    return this.#start({ kind: "timer", fireAt });
  }

  /** Longer timers than the storage can hold are chains of shorter ones, each with its own id. */
  #createTimer(fireAt: number, canceled: boolean): Step {
    const { maximumShortTimerDuration, longRunningTimerIntervalDuration } = this.#options;
    const isShort = fireAt - this.#now <= timeSpan(maximumShortTimerDuration);
    const longest = isShort ? Number.POSITIVE_INFINITY : timeSpan(longRunningTimerIntervalDuration);
    const timer = new Step();
    const next = (): void => {
      this.#timer(Math.min(fireAt, this.#now + longest)).onDone(() => {
        if (isShort || this.#now >= fireAt) timer.complete();
        else next();
      });
    };
    next();
    if (canceled) timer.complete(true);
    return timer;
  }

  /** DTFx `RetryInterceptor`: it really waits once more after the last attempt. */
  #retry(start: () => Step, policy: RetryPolicy): Step {
    const {
      firstRetryIntervalInMilliseconds: first,
      maxNumberOfAttempts,
      backoffCoefficient = 1,
      maxRetryIntervalInMilliseconds: longest = Number.POSITIVE_INFINITY,
      retryTimeoutInMilliseconds = Number.POSITIVE_INFINITY,
    } = policy;
    const result = new Step();
    const began = this.#now;
    const attempt = (failures: number): void => {
      start().onDone((step) => {
        if (!step.failed) return result.complete();
        const expired = this.#now >= began + retryTimeoutInMilliseconds;
        const delay = Math.min(first * backoffCoefficient ** failures, longest);
        if (expired || delay <= 0) return result.complete(true);
        this.#timer(this.#now + delay).onDone(() => {
          if (failures + 1 < maxNumberOfAttempts) attempt(failures + 1);
          else result.complete(true);
        });
      });
    };
    attempt(0);
    return result;
  }

  /** A request that is answered 202 is polled at its Location, with a durable timer in between. */
  #callHttp(request: HttpRequest): Step {
    const result = new Step();
    const send = (current: HttpRequest): void => {
      this.#start({ kind: "task", name: BUILTIN_HTTP, input: current }).onDone((step) => {
        const poll = step.failed ? undefined : nextPoll(current, step.result);
        if (!poll) return result.complete(step.failed);
        this.#timer(this.#now + poll.delayMs).onDone(() => send(poll.request));
      });
    };
    send(request);
    return result;
  }

  #signal(action: { instanceId: string; operation: string; input?: unknown }, due?: string): Step {
    const request = this.#request(action.operation, action.input, this.#nextGuid());
    this.#send(action.instanceId, "op", { ...request, signal: true, ...(due ? { due } : {}) });
    return Step.completed();
  }

  #request(op: string, input: unknown, id: string): EntityRequest {
    const { id: parent, execution: parentExecution } = this.#instance;
    const request: EntityRequest = { op, id, parent, parentExecution };
    if (input !== undefined && input !== null) request.input = JSON.stringify(input);
    return request;
  }

  #start(operation: Operation): Step {
    const step = new Step();
    this.#open.set(this.#schedule(operation), step);
    return step;
  }

  #send(target: string, name: string, payload: object): void {
    this.#schedule({ kind: "event", target, name, payload });
  }

  #schedule(operation: Operation): number {
    const limit = this.#options.maxOrchestrationActions;
    if (this.nextId >= limit) {
      throw new OrchestrationFault(
        `Maximum amount of orchestration actions (${limit}) has been reached.`,
      );
    }
    const id = this.nextId++;
    this.fresh.set(id, { ...operation, id });
    return id;
  }

  /** The same guid in every replay, because history knows the answer by it. */
  #nextGuid(): string {
    const seed = `${this.#instance.id}_${this.#instance.execution}_${this.nextId}`;
    const h = createHash("sha1").update(seed).digest("hex");
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-5${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
  }

  #event(name: string): ExternalEvent {
    const event = this.#external.get(name) ?? { waiters: [], early: 0 };
    this.#external.set(name, event);
    return event;
  }

  #waitFor(name: string): Step {
    const event = this.#event(name);
    if (event.early > 0) {
      event.early--;
      return Step.completed();
    }
    const step = new Step();
    event.waiters.push(step);
    return step;
  }

  #raise(name: string): void {
    const event = this.#event(name);
    const waiter = event.waiters.pop();
    if (waiter) waiter.complete();
    else event.early++;
    this.#advance();
  }

  #settle(id: number, failed: boolean, result: string | null = null): void {
    const step = this.#open.get(id);
    if (!step) return;
    this.#open.delete(id);
    step.result = result;
    step.complete(failed);
    this.#advance();
  }

  /** A scheduling event in history must be what the code schedules now. */
  #claim(id: number, kind: Scheduled["kind"], name?: string): void {
    const found = this.fresh.get(id);
    const foundName = found && "name" in found ? found.name : undefined;
    if (found?.kind !== kind || (name !== undefined && foundName !== name)) {
      throw new OrchestrationFault(
        `Non-Deterministic workflow detected: A previous execution of this orchestration scheduled ${kind}${name ? ` '${name}'` : ""} with sequence ID ${id}, but the current replay execution ${found ? `scheduled ${found.kind}${foundName ? ` '${foundName}'` : ""} with this sequence ID` : "hasn't (yet?) scheduled this task"}. Was a change made to the orchestrator code after this instance had already started running?`,
      );
    }
    this.fresh.delete(id);
  }
}
