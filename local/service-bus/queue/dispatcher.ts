/** A receiver's link as a queue sees it. */
export interface Consumer {
  readonly mode: "peekLock" | "receiveAndDelete";
  /** How many messages it can take now. */
  capacity(): number;
}

/**
 * Hands ready messages to the consumers that have credit, in turn. Consumers without credit are not in the ring, so a
 * hundred idle receivers cost nothing; whoever gets credit again calls `wake`.
 */
export class Dispatcher {
  readonly #hungry = new Set<Consumer>();
  /** Gives the consumer the next message; false when there is none. */
  readonly #handOut: (consumer: Consumer) => boolean;

  constructor(handOut: (consumer: Consumer) => boolean) {
    this.#handOut = handOut;
  }

  wake(consumer: Consumer): void {
    if (consumer.capacity() <= 0) return;
    this.#hungry.add(consumer);
    this.pump();
  }

  leave(consumer: Consumer): void {
    this.#hungry.delete(consumer);
  }

  pump(): void {
    for (;;) {
      const consumer = this.#hungry.values().next().value;
      if (!consumer) return;
      if (consumer.capacity() > 0) {
        if (!this.#handOut(consumer)) return;
        if (this.#hungry.size === 1) continue;
        this.#hungry.delete(consumer);
        this.#hungry.add(consumer);
      } else this.#hungry.delete(consumer);
    }
  }
}
