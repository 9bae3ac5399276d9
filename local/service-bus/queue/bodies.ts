import type { Store } from "../store.ts";
import type { Message } from "./message.ts";

/**
 * Where the contents of messages are: in memory while they fit, else only in the store, from where they are read when
 * they are delivered. A backlog of any length needs bounded memory, and a restart does not read contents at all.
 */
export class Bodies {
  readonly #store: Store;
  #free: number;

  /** `limit`: bytes of message contents to keep in memory. */
  constructor(store: Store, limit: number) {
    this.#store = store;
    this.#free = limit;
  }

  of(message: Message): Buffer {
    return message.bare ?? this.#store.bareOf(message.id);
  }

  /** Keeps a copy of the content if there is room: the original is a slice of a larger network buffer. */
  keep(message: Message, bare: Buffer): void {
    this.release(message);
    if (bare.length > this.#free) return;
    this.#free -= bare.length;
    message.bare = Buffer.from(bare);
  }

  release(message: Message): void {
    this.#free += message.bare?.length ?? 0;
    message.bare = undefined;
  }
}
