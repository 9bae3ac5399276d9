const COMPACT_AFTER = 10_000;

/** Works on items in order of arrival, at most `limit` at a time; `work` must not reject. */
export class WorkPool<T> {
  active = 0;
  readonly #limit: number;
  readonly #work: (item: T) => Promise<void>;
  #items: T[] = [];
  /** Where the queue begins: `shift` of a long array is linear. */
  #head = 0;
  #running = false;
  #pumpPlanned = false;

  constructor(limit: number, work: (item: T) => Promise<void>) {
    this.#limit = limit;
    this.#work = work;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#plan();
  }

  start(): void {
    this.#running = true;
    this.#plan();
  }

  /** Begins nothing new; what is under way goes on. */
  stop(): void {
    this.#running = false;
  }

  /** One pump per macrotask, so that messages of one commit meet in one turn. */
  #plan(): void {
    if (!this.#running || this.#pumpPlanned) return;
    this.#pumpPlanned = true;
    setImmediate(() => {
      this.#pumpPlanned = false;
      while (this.#running && this.active < this.#limit && this.#head < this.#items.length) {
        void this.#run(this.#items[this.#head++] as T);
      }
      if (this.#head === this.#items.length || this.#head > COMPACT_AFTER) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
    });
  }

  async #run(item: T): Promise<void> {
    this.active++;
    await this.#work(item);
    this.active--;
    this.#plan();
  }
}
