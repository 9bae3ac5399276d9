import { describeError, type Log } from "../logger.ts";
import type { Mailboxes, Message } from "./mailboxes.ts";
import { LOG_CATEGORY } from "./options.ts";
import { WorkPool } from "./work-pool.ts";

const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 30_000;

export interface SchedulerOptions {
  mailboxes: Mailboxes;
  /** Turns at the same time. */
  limit: number;
  /** Epoch milliseconds before which a turn of that instance should not begin. */
  pauseUntil: (id: string) => number;
  /** Takes one turn with that mail; rejects if nothing was committed. */
  runTurn: (id: string, mail: Message[]) => Promise<void>;
  log: Log;
}

/** Decides whose turn it is: one turn per instance at a time, in order of arrival. */
export class Scheduler {
  readonly pool: WorkPool<string>;
  readonly #options: SchedulerOptions;
  /** Queued, pausing, in a turn, or backing off: everything that must not be queued again. */
  readonly #claimed = new Set<string>();
  readonly #failures = new Map<string, number>();

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.pool = new WorkPool(options.limit, (id) => this.#take(id));
  }

  /** Says that an instance has mail. */
  announce(id: string): void {
    if (this.#claimed.has(id)) return;
    this.#claimed.add(id);
    this.pool.push(id);
  }

  async #take(id: string): Promise<void> {
    const { mailboxes, runTurn, pauseUntil } = this.#options;
    const pause = pauseUntil(id) - Date.now();
    if (pause > 0) {
      setTimeout(() => this.pool.push(id), pause);
      return;
    }
    const mail = mailboxes.take(id);
    try {
      await runTurn(id, mail);
      this.#failures.delete(id);
      this.#release(id);
    } catch (error) {
      mailboxes.putBack(id, mail);
      this.#backOff(id, error);
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
    const message = `a turn of ${id} failed (${failures} in a row), next try in ${delay} ms: ${describeError(error)}`;
    this.#options.log("error", LOG_CATEGORY, message);
    setTimeout(() => this.#release(id), delay);
  }
}
