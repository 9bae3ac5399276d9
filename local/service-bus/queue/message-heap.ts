import { type Message, NO_SLOT } from "./message.ts";

/**
 * A binary heap of messages, smallest key first. Each message remembers its position in the given field, so one can be
 * taken out of the middle: nothing that is settled stays reachable until its time would have come.
 */
export class MessageHeap {
  readonly #key: (message: Message) => number;
  readonly #slot: "readySlot" | "dueSlot";
  readonly #items: Message[] = [];

  constructor(slot: "readySlot" | "dueSlot", key: (message: Message) => number) {
    this.#slot = slot;
    this.#key = key;
  }

  peek(): Message | undefined {
    return this.#items[0];
  }

  push(message: Message): void {
    this.#items.push(message);
    this.#rise(this.#items.length - 1, message);
  }

  /** Takes a message out; does nothing if it is not in. */
  remove(message: Message): void {
    const at = message[this.#slot];
    if (at === NO_SLOT) return;
    message[this.#slot] = NO_SLOT;
    const last = this.#items.pop() as Message;
    if (last === message) return;
    this.#sink(at, last);
    if (last[this.#slot] === at) this.#rise(at, last);
  }

  #rise(from: number, message: Message): void {
    const key = this.#key(message);
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = this.#items[up] as Message;
      if (this.#key(parent) <= key) break;
      this.#place(at, parent);
      at = up;
    }
    this.#place(at, message);
  }

  #sink(from: number, message: Message): void {
    const key = this.#key(message);
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      let child = this.#items[left];
      if (!child) break;
      let down = left;
      const right = this.#items[left + 1];
      if (right && this.#key(right) < this.#key(child)) {
        child = right;
        down = left + 1;
      }
      if (key <= this.#key(child)) break;
      this.#place(at, child);
      at = down;
    }
    this.#place(at, message);
  }

  #place(at: number, message: Message): void {
    this.#items[at] = message;
    message[this.#slot] = at;
  }
}
