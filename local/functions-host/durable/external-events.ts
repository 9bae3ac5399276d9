import { Step } from "./step.ts";

/** Waiters are a stack (last in, first out), as in the extension; what came before anybody waited is counted. */
interface ExternalEvent {
  waiters: Step[];
  early: number;
}

/** Events that orchestrators wait for, by name. An entity's answer is one as well. */
export class ExternalEvents {
  readonly #events = new Map<string, ExternalEvent>();

  /** Whether somebody waits for one. */
  get areAwaited(): boolean {
    return [...this.#events.values()].some(({ waiters }) => waiters.length > 0);
  }

  waitFor(name: string): Step {
    const event = this.#named(name);
    if (event.early > 0) {
      event.early--;
      return Step.completed();
    }
    const step = new Step();
    event.waiters.push(step);
    return step;
  }

  raise(name: string): void {
    const event = this.#named(name);
    const waiter = event.waiters.pop();
    if (waiter) waiter.complete();
    else event.early++;
  }

  #named(name: string): ExternalEvent {
    const event = this.#events.get(name) ?? { waiters: [], early: 0 };
    this.#events.set(name, event);
    return event;
  }
}
