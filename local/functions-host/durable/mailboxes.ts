import type { HistoryEvent } from "./history.ts";
import type { Store } from "./store.ts";

/** Timers stand still while the machine sleeps, the time of day does not: look at it this often. */
const LONGEST_SLEEP_MS = 60_000;

/** A history event on its way to an orchestration or entity: one row of `inbox`. */
export interface Message {
  row: number;
  target: string;
  /** Only this execution may see it; null means whichever runs. */
  execution: string | null;
  /** Epoch milliseconds; 0 is now. */
  due: number;
  json: string;
  event: HistoryEvent;
}

export interface Delivery {
  execution?: string | null;
  due?: number;
}

/** Inserts the row of a message. Call inside a unit of work, and `deliver` the message after it. */
export function post(
  store: Store,
  target: string,
  event: HistoryEvent,
  { execution = null, due = 0 }: Delivery = {},
): Message {
  const json = JSON.stringify(event);
  const row = store.insert("inbox", { target, execution, due, event: json });
  return { row, target, execution, due, json, event };
}

/** Deletes the rows of messages. Call inside a unit of work. */
export function removeRows(store: Store, messages: Iterable<Message>): void {
  for (const { row } of messages) store.run("DELETE FROM inbox WHERE row=?", row);
}

/**
 * The committed messages that are due, in memory: one box per target. What is due later (timers, for the most part) waits in
 * the database, so that a million of them cost nothing, and those of a finished execution vanish with its rows.
 */
export class Mailboxes {
  readonly #boxes = new Map<string, Message[]>();
  readonly #store: Store;
  readonly #onMail: (target: string) => void;
  /** All rows due until this moment have been read. */
  #readUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Number.POSITIVE_INFINITY;

  /** `onMail` hears of every target that has something to read. */
  constructor(store: Store, onMail: (target: string) => void) {
    this.#store = store;
    this.#onMail = onMail;
  }

  /** Reads what the last process left behind. */
  start(): void {
    this.#readRows("due=0 ORDER BY row", []);
    this.#readDue();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#armedFor = Number.NEGATIVE_INFINITY;
  }

  deliver(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.due > this.#readUntil) this.#arm(message.due);
      else if (message.due > Date.now()) this.#hold(message);
      else this.#drop(message);
    }
  }

  has(target: string): boolean {
    return this.#boxes.has(target);
  }

  take(target: string): Message[] {
    const messages = this.#boxes.get(target) ?? [];
    this.#boxes.delete(target);
    return messages;
  }

  /** Puts messages before those that came since; does not announce them. */
  putBack(target: string, messages: readonly Message[]): void {
    if (messages.length > 0) this.#boxes.set(target, [...messages, ...this.take(target)]);
  }

  discard(target: string): void {
    this.#boxes.delete(target);
  }

  #drop(message: Message): void {
    const box = this.#boxes.get(message.target);
    if (box) box.push(message);
    else this.#boxes.set(message.target, [message]);
    this.#onMail(message.target);
  }

  #arm(due: number): void {
    if (due >= this.#armedFor) return;
    clearTimeout(this.#timer);
    this.#armedFor = due;
    const delay = Math.min(Math.max(0, due - Date.now()), LONGEST_SLEEP_MS);
    this.#timer = setTimeout(() => this.#readDue(), delay);
  }

  /** After the clock was set back, rows of a time that counts as read wait here. */
  #hold(message: Message): void {
    const delay = Math.min(message.due - Date.now(), LONGEST_SLEEP_MS);
    const again = () => {
      if (this.#armedFor !== Number.NEGATIVE_INFINITY) this.deliver([message]);
    };
    setTimeout(again, delay).unref();
  }

  #readDue(): void {
    const now = Date.now();
    this.#readRows("due>0 AND due>? AND due<=? ORDER BY due", [this.#readUntil, now]);
    this.#readUntil = Math.max(this.#readUntil, now);
    this.#armedFor = Number.POSITIVE_INFINITY;
    const sql = "SELECT due FROM inbox WHERE due>0 AND due>? ORDER BY due LIMIT 1";
    const next = this.#store.get<{ due: number }>(sql, this.#readUntil);
    if (next) this.#arm(next.due);
  }

  #readRows(condition: string, args: number[]): void {
    type Row = Omit<Message, "json" | "event"> & { event: string };
    const rows = this.#store.all<Row>(`SELECT * FROM inbox WHERE ${condition}`, ...args);
    for (const { event: json, ...rest } of rows) {
      this.#drop({ ...rest, json, event: JSON.parse(json) as HistoryEvent });
    }
  }
}
