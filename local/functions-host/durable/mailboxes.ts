import type { HistoryEvent } from "./history.ts";
import type { Store } from "./store.ts";
import { TimerHeap } from "./timer-heap.ts";

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
  const sql = "INSERT INTO inbox(target,execution,due,event) VALUES(?,?,?,?)";
  const row = store.run(sql, target, execution, due, json);
  return { row, target, execution, due, json, event };
}

/** Deletes the rows of messages. Call inside a unit of work. */
export function removeRows(store: Store, messages: Iterable<Message>): void {
  for (const { row } of messages) store.run("DELETE FROM inbox WHERE row=?", row);
}

/** The committed messages, in memory: one box per target, and a heap for those that are not due. */
export class Mailboxes {
  readonly #boxes = new Map<string, Message[]>();
  readonly #later: TimerHeap<Message>;
  readonly #onMail: (target: string) => void;

  /** `onMail` hears of every target that has something to read. */
  constructor(onMail: (target: string) => void) {
    this.#onMail = onMail;
    this.#later = new TimerHeap((message) => this.#drop(message));
  }

  /** Reads what the last process left behind. */
  load(store: Store): void {
    type Row = Omit<Message, "json" | "event"> & { event: string };
    for (const { event: json, ...rest } of store.all<Row>("SELECT * FROM inbox ORDER BY row")) {
      this.deliver([{ ...rest, json, event: JSON.parse(json) as HistoryEvent }]);
    }
  }

  deliver(messages: readonly Message[]): void {
    const now = Date.now();
    for (const message of messages) {
      if (message.due > now) this.#later.add(message);
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

  stop(): void {
    this.#later.stop();
  }

  #drop(message: Message): void {
    const box = this.#boxes.get(message.target);
    if (box) box.push(message);
    else this.#boxes.set(message.target, [message]);
    this.#onMail(message.target);
  }
}
