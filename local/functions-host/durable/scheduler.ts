import { describeError, type Log } from "../logger.ts";
import { Fifo } from "./fifo.ts";
import type { Mailboxes, Message } from "./mailboxes.ts";

const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 30_000;

export interface SchedulerOptions {
  mailboxes: Mailboxes;
  /** Turns at the same time. */
  limit: number;
  /** Epoch milliseconds before which a turn of that instance should not begin. */
  pauseUntil: (id: string) => number;
  /**
   * Takes one turn with that mail. Resolves with true to get another turn without new mail;
   * rejects if nothing was committed.
   */
  runTurn: (id: string, mail: Message[]) => Promise<boolean>;
  log: Log;
}

/** Decides whose turn it is: one turn per instance at a time, in order of arrival. */
export class Scheduler {
  active = 0;
  readonly #options: SchedulerOptions;
  readonly #queue = new Fifo<string>();
  /** Queued, pausing, in a turn, or backing off: everything that must not be queued again. */
  readonly #claimed = new Set<string>();
  readonly #failures = new Map<string, number>();
  #running = false;
  #pumpPlanned = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    this.#plan();
  }

  /** No new turns; those under way go on. */
  stop(): void {
    this.#running = false;
  }

  /** Says that an instance has mail. */
  announce(id: string): void {
    if (this.#claimed.has(id)) return;
    this.#claimed.add(id);
    this.#enqueue(id);
  }

  #enqueue(id: string): void {
    this.#queue.push(id);
    this.#plan();
  }

  /** One pump per macrotask, so that messages of one commit meet in one turn. */
  #plan(): void {
    if (!this.#running || this.#pumpPlanned) return;
    this.#pumpPlanned = true;
    setImmediate(() => {
      this.#pumpPlanned = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#running && this.active < this.#options.limit) {
      const id = this.#queue.shift();
      if (id === undefined) return;
      const pause = this.#options.pauseUntil(id) - Date.now();
      if (pause > 0) setTimeout(() => this.#enqueue(id), pause);
      else void this.#take(id);
    }
  }

  async #take(id: string): Promise<void> {
    const { mailboxes, runTurn } = this.#options;
    const mail = mailboxes.take(id);
    this.active++;
    try {
      const more = await runTurn(id, mail);
      this.#failures.delete(id);
      if (more) this.#enqueue(id);
      else this.#release(id);
    } catch (error) {
      mailboxes.putBack(id, mail);
      this.#backOff(id, error);
    } finally {
      this.active--;
      this.#plan();
    }
  }

  #release(id: string): void {
    this.#claimed.delete(id);
    if (this.#options.mailboxes.has(id)) this.announce(id);
  }

  /** A turn that fails in the host keeps its messages and waits, without holding up the others. */
  #backOff(id: string, error: unknown): void {
    const failures = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, failures);
    const delay = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS);
    this.#options.log({
      level: "error",
      category: "Host.Triggers.DurableTask",
      message: `a turn of ${id} failed (${failures} in a row), next try in ${delay} ms: ${describeError(error)}`,
    });
    setTimeout(() => this.#release(id), delay);
  }
}
