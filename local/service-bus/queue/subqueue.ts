import {
  type DeliveryOptions,
  type PropertyChange,
  renderDelivery,
  withApplicationProperties,
} from "../codec/message.ts";
import { lockLost, notAllowed } from "../errors.ts";
import type { Store } from "../store.ts";
import { type Consumer, Dispatcher } from "./dispatcher.ts";
import { type Lock, LockTable } from "./lock-table.ts";
import { deliveryFacts, dueTime, type Message } from "./message.ts";
import { MessageHeap } from "./message-heap.ts";

/** A receiver that is given messages: locked ones, or, without a lock, ones that are gone from the queue. */
export interface Receiver extends Consumer {
  deliver(bytes: Buffer, lock: Lock | undefined): void;
  /** Holds room for a delivery that waits for a commit. */
  reserve(): () => void;
}

/** How a receiver ends its lock. `changes` are merged into the application properties. */
export type Settlement =
  | { kind: "complete" | "release" | "expire" }
  | { kind: "abandon" | "defer"; changes: readonly PropertyChange[] }
  | { kind: "deadLetter"; reason: DeadLetterReason; changes: readonly PropertyChange[] };

export interface DeadLetterReason {
  reason?: string | undefined;
  description?: string | undefined;
}

/** What a subqueue needs of the queue it is part of. */
export interface SubQueueOwner {
  readonly store: Store;
  readonly lockDuration: number;
  readonly maxDeliveryCount: number;
  /** Gives a scheduled message that is due its new number and makes it ready. */
  activate(message: Message, now: number): void;
  /** Takes a message that left its subqueue out of the store. */
  discard(message: Message): void;
  /** Ends a ready message whose time to live is over. */
  expire(message: Message): void;
  deadLetter(
    message: Message,
    reason: DeadLetterReason,
    changes: readonly PropertyChange[],
    done: () => void,
  ): void;
}

/** The messages of a queue, or of its dead-letter queue, with the states they can be in. Knows nothing of AMQP. */
export class SubQueue {
  readonly isDeadLetterQueue: boolean;
  readonly dispatcher: Dispatcher;
  readonly #owner: SubQueueOwner;
  readonly #locks: LockTable;
  readonly #messages = new Map<number, Message>();
  readonly #ready = new MessageHeap("readySlot", (message) => message.sequenceNumber);
  readonly #due = new MessageHeap("dueSlot", dueTime);

  constructor(owner: SubQueueOwner, isDeadLetterQueue: boolean) {
    this.#owner = owner;
    this.isDeadLetterQueue = isDeadLetterQueue;
    this.#locks = new LockTable(owner.lockDuration);
    this.dispatcher = new Dispatcher((consumer) => this.#handOut(consumer as Receiver));
  }

  get size(): number {
    return this.#messages.size;
  }

  countScheduled(): number {
    let count = 0;
    for (const { state } of this.#messages.values()) if (state === "scheduled") count++;
    return count;
  }

  /** Takes in a message that is committed (or will be delivered only after it is: state `held`). */
  add(message: Message): void {
    this.#messages.set(message.sequenceNumber, message);
    if (message.state === "ready") this.makeReady(message);
    else if (message.state === "scheduled") this.#due.push(message);
  }

  remove(message: Message): void {
    this.#messages.delete(message.sequenceNumber);
    this.#ready.remove(message);
    this.#due.remove(message);
  }

  makeReady(message: Message): void {
    message.state = "ready";
    this.#ready.push(message);
    if (message.expiresAt !== Number.POSITIVE_INFINITY) this.#due.push(message);
  }

  find(sequenceNumber: number, state: Message["state"]): Message | undefined {
    const message = this.#messages.get(sequenceNumber);
    return message?.state === state ? message : undefined;
  }

  /** Up to `count` messages in order of their numbers, whatever their state. */
  browse(fromSequenceNumber: number, count: number): Message[] {
    const now = Date.now();
    const found: Message[] = [];
    for (const message of this.#messages.values())
      if (message.sequenceNumber >= fromSequenceNumber)
        if (message.state !== "ready" || message.expiresAt > now) found.push(message);
    return found.sort((a, b) => a.sequenceNumber - b.sequenceNumber).slice(0, count);
  }

  lock(message: Message): Lock {
    const lock = this.#locks.grant(message);
    this.#ready.remove(message);
    this.#due.remove(message);
    message.state = "held";
    message.lock = lock;
    return lock;
  }

  findLock(token: Buffer): Lock {
    const lock = this.#locks.find(token);
    if (!lock) throw lockLost();
    return lock;
  }

  /** The new end of the lock, milliseconds since 1970. */
  renew(token: Buffer): number {
    const lock = this.findLock(token);
    this.#locks.renew(lock);
    return lock.until;
  }

  /** Deletes a message for good. */
  delete(message: Message): void {
    this.remove(message);
    this.#owner.discard(message);
  }

  render(message: Message, options?: DeliveryOptions): Buffer {
    return renderDelivery(deliveryFacts(message), this.#owner.store.bareOf(message.id), options);
  }

  /**
   * Ends a lock. `done` is called when the outcome is durable. Throws lock-lost when the lock ended before.
   * What counts as a delivery is not documented; it follows Microsoft's SDK tests: abandon, expiry and defer do,
   * an explicit dead-lettering does not, and nothing counts in the dead-letter queue.
   */
  settle(lock: Lock, settlement: Settlement, done: () => void): void {
    if (lock.ended || (settlement.kind !== "expire" && lock.until <= Date.now())) throw lockLost();
    const { message } = lock;
    this.#locks.end(lock);
    message.lock = undefined;
    switch (settlement.kind) {
      case "complete":
        this.delete(message);
        this.#owner.store.afterCommit(done);
        return;
      case "deadLetter":
        if (this.isDeadLetterQueue) {
          this.#putBack(message, lock.wasDeferred, () => {});
          throw notAllowed("A message in the dead-letter queue cannot be dead-lettered again.");
        }
        this.#owner.deadLetter(message, settlement.reason, settlement.changes, done);
        return;
      case "release":
        this.#putBack(message, lock.wasDeferred, done);
        return;
      case "defer":
        this.#countDelivery(message);
        this.#change(message, settlement.changes);
        this.#putBack(message, true, done);
        return;
      case "abandon":
      case "expire": {
        const changes = settlement.kind === "abandon" ? settlement.changes : [];
        this.#countDelivery(message);
        if (!this.isDeadLetterQueue && message.deliveryCount >= this.#owner.maxDeliveryCount) {
          const description = `Message could not be consumed after ${message.deliveryCount} delivery attempts.`;
          const reason = { reason: "MaxDeliveryCountExceeded", description };
          this.#owner.deadLetter(message, reason, changes, done);
          return;
        }
        this.#change(message, changes);
        this.#putBack(message, lock.wasDeferred, done);
      }
    }
  }

  /** Ends locks that ran out, activates what was scheduled for now and expires what is too old. */
  tick(now: number): void {
    for (const lock of this.#locks.expired(now)) this.settle(lock, { kind: "expire" }, () => {});
    for (;;) {
      const message = this.#due.peek();
      if (!message || dueTime(message) > now) return;
      if (message.state === "scheduled") this.#owner.activate(message, now);
      else this.#owner.expire(message);
    }
  }

  #countDelivery(message: Message): void {
    if (!this.isDeadLetterQueue) message.deliveryCount++;
  }

  #change(message: Message, changes: readonly PropertyChange[]): void {
    if (changes.length === 0) return;
    const { store } = this.#owner;
    const bare = withApplicationProperties(store.bareOf(message.id), changes);
    store.write("setBare", bare, message.id);
  }

  /** The message keeps its place in the order: its sequence number does not change. */
  #putBack(message: Message, deferred: boolean, done: () => void): void {
    const { store } = this.#owner;
    store.write("setState", deferred ? "deferred" : "ready", message.deliveryCount, message.id);
    store.afterCommit(() => {
      if (deferred) message.state = "deferred";
      else this.makeReady(message);
      done();
      this.dispatcher.pump();
    });
  }

  #handOut(receiver: Receiver): boolean {
    for (;;) {
      const message = this.#ready.peek();
      if (!message) return false;
      if (message.expiresAt <= Date.now()) this.#owner.expire(message);
      else if (receiver.mode === "peekLock") {
        const lock = this.lock(message);
        receiver.deliver(this.render(message, { lockedUntil: lock.until }), lock);
        return true;
      } else {
        const bytes = this.render(message);
        this.delete(message);
        const release = receiver.reserve();
        this.#owner.store.afterCommit(() => {
          release();
          receiver.deliver(bytes, undefined);
        });
        return true;
      }
    }
  }
}
