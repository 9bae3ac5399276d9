/** setTimeout takes at most this many milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

/** Items that become due, earliest first, behind one real timer. `due` is in epoch milliseconds. */
export class TimerHeap<T extends { due: number }> {
  readonly #items: T[] = [];
  readonly #onDue: (item: T) => void;
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(onDue: (item: T) => void) {
    this.#onDue = onDue;
  }

  add(item: T): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#dueAt(parent) <= item.due) break;
      this.#swap(at, parent);
      at = parent;
    }
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    const due = this.#dueAt(0);
    if (this.#stopped || due >= this.#armedFor) return;
    clearTimeout(this.#timer);
    this.#armedFor = due;
    const delay = Math.min(Math.max(0, due - Date.now()), MAX_DELAY);
    this.#timer = setTimeout(() => this.#fire(), delay);
  }

  #fire(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = Date.now();
    while (this.#dueAt(0) <= now) this.#onDue(this.#takeFirst());
    if (this.#items.length > 0) this.#arm();
  }

  #takeFirst(): T {
    const items = this.#items;
    const first = items[0] as T;
    const last = items.pop() as T;
    if (items.length > 0) {
      items[0] = last;
      this.#sink();
    }
    return first;
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const child = this.#dueAt(left + 1) < this.#dueAt(left) ? left + 1 : left;
      if (this.#dueAt(at) <= this.#dueAt(child)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #dueAt(index: number): number {
    return this.#items[index]?.due ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const items = this.#items;
    [items[a], items[b]] = [items[b] as T, items[a] as T];
  }
}
