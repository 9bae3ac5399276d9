import type { Stop } from "./stop.ts";

/** What the agent has in hand at once: everything from a message's arrival to the end of its work takes a slot. */
export class Slots {
  readonly #count: number;
  readonly #taken = new Set<Promise<void>>();

  constructor(count: number) {
    this.#count = count;
  }

  /** Resolves when a slot is free, or the agent stops. */
  async free(stop: Stop): Promise<void> {
    while (this.#taken.size >= this.#count && !stop.signal.aborted)
      await Promise.race([...this.#taken, stop.stopped]);
  }

  /** Takes a slot for work that never rejects. */
  take(work: Promise<void>): void {
    const done = work.finally(() => this.#taken.delete(done));
    this.#taken.add(done);
  }

  /** Resolves when all work that has a slot now is over. */
  async over(): Promise<void> {
    await Promise.all(this.#taken);
  }
}
