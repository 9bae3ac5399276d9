import { OrchestrationFault } from "./orchestration-fault.ts";
import { Step } from "./step.ts";

/** A DTFx operation that history may or may not have seen yet. */
export type Scheduled = { id: number } & Operation;

export type Operation =
  | { kind: "task"; name: string; input: unknown }
  | { kind: "sub"; name: string; input: unknown; instanceId?: string; version?: string }
  | { kind: "timer"; fireAt: number }
  | { kind: "event"; target: string; name: string; payload: object };

/** The operations of an execution under the event ids they get, which is what history knows them by. */
export class ScheduledOperations {
  /** The id that the next operation gets. */
  nextId = 0;
  /** Operations without a history event: the new ones, once all history is fed. */
  readonly fresh = new Map<number, Scheduled>();
  readonly #limit: number;
  readonly #open = new Map<number, Step>();

  /** `limit`: the extension's maxOrchestrationActions. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether one has no result yet. */
  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Schedules what has a result some day. */
  start(operation: Operation): Step {
    const step = new Step();
    this.#open.set(this.#schedule(operation), step);
    return step;
  }

  /** Schedules an event for another instance, which nobody waits for. */
  send(target: string, name: string, payload: object): void {
    this.#schedule({ kind: "event", target, name, payload });
  }

  #schedule(operation: Operation): number {
    if (this.nextId >= this.#limit) {
      throw new OrchestrationFault(
        `Maximum amount of orchestration actions (${this.#limit}) has been reached.`,
      );
    }
    const id = this.nextId++;
    this.fresh.set(id, { ...operation, id });
    return id;
  }

  /** A scheduling event in history must be what the code schedules now. */
  claim(id: number, kind: Scheduled["kind"], name?: string): void {
    const found = this.fresh.get(id);
    const foundName = found && "name" in found ? found.name : undefined;
    if (found?.kind !== kind || (name !== undefined && foundName !== name)) {
      throw new OrchestrationFault(
        `Non-Deterministic workflow detected: A previous execution of this orchestration scheduled ${kind}${name ? ` '${name}'` : ""} with sequence ID ${id}, but the current replay execution ${found ? `scheduled ${found.kind}${foundName ? ` '${foundName}'` : ""} with this sequence ID` : "hasn't (yet?) scheduled this task"}. Was a change made to the orchestrator code after this instance had already started running?`,
      );
    }
    this.fresh.delete(id);
  }
  /** History has the result of an operation. One that is nobody's any more is ignored. */
  settle(id: number, failed: boolean, result: string | null = null): void {
    const step = this.#open.get(id);
    if (!step) return;
    this.#open.delete(id);
    step.result = result;
    step.complete(failed);
  }
}
