/**
 * Replays the action list of the SDK against history, exactly as the Durable extension does
 * (`OutOfProcOrchestrationShim` on top of DTFx `TaskOrchestrationContext`).
 *
 * The SDK returns *every* action since the execution began, not the new ones, and DTFx hands out the
 * event ids while it walks them: retries, compound tasks, entity calls and long timers take ids at
 * moments that only this walk knows. What no history event has claimed at the end is new.
 */
import type { Action } from "./actions.ts";
import { ExternalEvents } from "./external-events.ts";
import { EventType, type HistoryEvent } from "./history.ts";
import type { DurableOptions } from "./options.ts";
import { perform } from "./perform-action.ts";
import type { Replay } from "./replay.ts";
import { type Scheduled, ScheduledOperations } from "./scheduled-operations.ts";
import type { Step } from "./step.ts";

/** While suspended everything else waits. */
const PASSES_SUSPENSION = new Set<number>([
  EventType.ExecutionResumed,
  EventType.OrchestratorStarted,
  EventType.OrchestratorCompleted,
]);

export class Shim {
  /** Set once all actions have been awaited. */
  finished = false;
  suspended = false;
  /** Events that came after continueAsNew in the same turn: the next generation gets them. */
  readonly carried: HistoryEvent[] = [];
  readonly #replay: Replay;
  readonly #actions: readonly Action[];
  readonly #parked: HistoryEvent[] = [];
  #position = 0;
  #current: Step | undefined;

  constructor(
    instance: { id: string; execution: string },
    actions: readonly Action[],
    options: DurableOptions,
  ) {
    const operations = new ScheduledOperations(options.maxOrchestrationActions);
    const events = new ExternalEvents();
    this.#replay = { instance, options, operations, events, now: 0, continuation: undefined };
    this.#actions = actions;
  }

  /** The id that the next operation gets. */
  get nextId(): number {
    return this.#replay.operations.nextId;
  }

  /** Operations without a history event: the new ones, once all history is fed. */
  get fresh(): ReadonlyMap<number, Scheduled> {
    return this.#replay.operations.fresh;
  }

  /** The input of the next generation, if the orchestrator continues as new. */
  get continuation(): { input: unknown } | undefined {
    return this.#replay.continuation;
  }

  /** Whether nothing can move the orchestration on: no operation is under way or new, and nobody waits for an event. */
  get isIdle(): boolean {
    const { operations, events } = this.#replay;
    return !events.areAwaited && !operations.areOpen && operations.fresh.size === 0;
  }

  /** Feeds one history event, in order. */
  feed(event: HistoryEvent): void {
    if (this.suspended && !PASSES_SUSPENSION.has(event.EventType)) {
      this.#parked.push(event);
      return;
    }
    const replay = this.#replay;
    const { operations, events } = replay;
    switch (event.EventType) {
      case EventType.OrchestratorStarted:
        replay.now = Math.max(replay.now, Date.parse(event.Timestamp));
        break;
      case EventType.ExecutionStarted:
        this.#advance();
        break;
      case EventType.TaskScheduled:
        operations.claim(event.EventId, "task", event.Name);
        break;
      case EventType.SubOrchestrationInstanceCreated:
        operations.claim(event.EventId, "sub", event.Name);
        break;
      case EventType.TimerCreated:
        operations.claim(event.EventId, "timer");
        break;
      case EventType.EventSent:
        operations.claim(event.EventId, "event");
        break;
      case EventType.TaskCompleted:
      case EventType.SubOrchestrationInstanceCompleted:
        operations.settle(event.TaskScheduledId, false, event.Result);
        this.#advance();
        break;
      case EventType.TaskFailed:
      case EventType.SubOrchestrationInstanceFailed:
        operations.settle(event.TaskScheduledId, true);
        this.#advance();
        break;
      case EventType.TimerFired:
        operations.settle(event.TimerId, false);
        this.#advance();
        break;
      case EventType.EventRaised:
        if (this.continuation) {
          this.carried.push(event);
          break;
        }
        events.raise(event.Name);
        this.#advance();
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

  /** Walks on until an action has to be waited for. */
  #advance(): void {
    while (this.#current?.done ?? true) {
      const action = this.#actions[this.#position++];
      if (!action) {
        this.finished = true;
        return;
      }
      this.#current = perform(this.#replay, action);
    }
  }
}
