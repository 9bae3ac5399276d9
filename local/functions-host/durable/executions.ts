import type { HistoryEvent } from "./history.ts";
import { findInstance, type Instance, isFinished } from "./instances.ts";
import type { Store } from "./store.ts";

const CACHED_INSTANCES = 500;
/** Histories at least this long are worth waiting for a batch of completions. */
const LONG_HISTORY = 200;
const MAX_PAUSE_MS = 100;

/** A running instance with its history, parsed once and also as the JSON that triggers repeat. */
export interface Execution {
  instance: Instance;
  events: HistoryEvent[];
  /** The events, joined by commas. */
  json: string;
  /** A "would hang on Azure" warning has been logged. */
  warned?: boolean;
  /** Epoch milliseconds before which another turn would only waste time. */
  pauseUntil: number;
}

/** The histories of the instances that ran last: a turn costs no database read. */
export class Executions {
  readonly #store: Store;
  readonly #cache = new Map<string, Execution>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The execution of that id, unless it has finished or never was. */
  load(id: string): Execution | undefined {
    const cached = this.#cache.get(id);
    if (cached) {
      this.#cache.delete(id); // and in again, as the most recent
      this.#cache.set(id, cached);
      return cached;
    }
    const instance = findInstance(this.#store, id);
    if (!instance || isFinished(instance.status)) return undefined;
    const json = readHistoryJson(this.#store, id);
    const events = parseHistory(json);
    const execution = { instance: { ...instance }, events, json, pauseUntil: 0 };
    this.#cache.set(id, execution);
    if (this.#cache.size > CACHED_INSTANCES) this.forget(this.#cache.keys().next().value ?? id);
    return execution;
  }

  forget(id: string): void {
    this.#cache.delete(id);
  }

  pauseUntil(id: string): number {
    return this.#cache.get(id)?.pauseUntil ?? 0;
  }
}

/**
 * Replay costs (turns x history): after a turn over a long history, let completions gather for twice
 * as long as it took. That turns a fan-out of 5000 from minutes of replay into a handful of turns.
 */
export function planPause(execution: Execution, turnMs: number): void {
  const long = execution.events.length > LONG_HISTORY;
  execution.pauseUntil = long ? Date.now() + Math.min(2 * turnMs, MAX_PAUSE_MS) : 0;
}

export function appendHistory(execution: Execution, events: HistoryEvent[], json: string): void {
  for (const event of events) execution.events.push(event);
  execution.json = execution.json === "" ? json : `${execution.json},${json}`;
}

/** The events of an instance, joined by commas. */
export function readHistoryJson(store: Store, id: string): string {
  const sql = "SELECT events FROM history WHERE id=? ORDER BY turn";
  const rows = store.all<{ events: string }>(sql, id);
  return rows.map(({ events }) => events).join(",");
}

export const parseHistory = (json: string): HistoryEvent[] =>
  JSON.parse(`[${json}]`) as HistoryEvent[];
