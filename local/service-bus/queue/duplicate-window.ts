import type { Store } from "../store.ts";

/** The message ids seen within the detection window. All stay equally long: the map's order is the order they go in. */
export class DuplicateWindow {
  readonly #store: Store;
  readonly #queue: number;
  readonly #length: number;
  readonly #forgetAt = new Map<string, number>();

  /** `length` in milliseconds. */
  constructor(store: Store, queue: number, length: number) {
    this.#store = store;
    this.#queue = queue;
    this.#length = length;
    for (const { key, forgetAt } of store.seenMessagesOf(queue)) this.#forgetAt.set(key, forgetAt);
  }

  /** True when the key is new; it is then remembered, in the same transaction as what is written next. */
  admit(key: string, now: number): boolean {
    if ((this.#forgetAt.get(key) ?? 0) > now) return false;
    this.#forgetAt.delete(key);
    this.#forgetAt.set(key, now + this.#length);
    this.#store.write("remember", this.#queue, key, now + this.#length);
    return true;
  }

  forgetOld(now: number): void {
    for (const [key, forgetAt] of this.#forgetAt) {
      if (forgetAt > now) return;
      this.#forgetAt.delete(key);
      this.#store.write("forget", this.#queue, key);
    }
  }
}
