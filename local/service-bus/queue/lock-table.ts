import { randomBytes } from "node:crypto";
import type { Message } from "./message.ts";

/** A receiver's claim on a message. Locks are not persisted: after a restart the messages are free again. */
export interface Lock {
  /** 16 bytes, the GUID that clients call the lock token. */
  readonly token: Buffer;
  readonly key: string;
  readonly message: Message;
  /** Whether the message goes back to the deferred ones. */
  readonly wasDeferred: boolean;
  /** Milliseconds since 1970. */
  until: number;
  ended: boolean;
}

/**
 * The locks of one queue. All last equally long, so the order in which they were granted or renewed, which is the
 * order of the map, is the order in which they expire.
 */
export class LockTable {
  readonly #duration: number;
  readonly #locks = new Map<string, Lock>();
  #random = Buffer.alloc(0);

  constructor(duration: number) {
    this.#duration = duration;
  }

  grant(message: Message): Lock {
    const token = this.#newToken();
    const lock: Lock = {
      token,
      key: token.toString("hex"),
      message,
      wasDeferred: message.state === "deferred",
      until: Date.now() + this.#duration,
      ended: false,
    };
    this.#locks.set(lock.key, lock);
    return lock;
  }

  /** The lock with this token unless it ended or ran out. */
  find(token: Buffer): Lock | undefined {
    const lock = this.#locks.get(token.toString("hex"));
    return lock && lock.until > Date.now() ? lock : undefined;
  }

  renew(lock: Lock): void {
    this.#locks.delete(lock.key);
    lock.until = Date.now() + this.#duration;
    this.#locks.set(lock.key, lock);
  }

  end(lock: Lock): void {
    lock.ended = true;
    this.#locks.delete(lock.key);
  }

  *expired(now: number): Generator<Lock> {
    for (const lock of this.#locks.values()) {
      if (lock.until > now) return;
      yield lock;
    }
  }

  #newToken(): Buffer {
    if (this.#random.length < 16) this.#random = randomBytes(16 * 1_024);
    const token = this.#random.subarray(0, 16);
    this.#random = this.#random.subarray(16);
    return token;
  }
}
