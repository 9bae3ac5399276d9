import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import {
  type WebhookAttempt,
  webhookAttemptSchema,
  webhookEventSchema,
  webhookViewSchema,
} from "../../shared/contracts/webhooks.ts";
import { newId } from "../domain/ids.ts";
import type { TaskRecord } from "../domain/records.ts";
import { Documents } from "./storage/documents.ts";

const HOOKS = "hooks";
const DUE = "due";
const TOLD = "told";
const LAST_MS = 9_999_999_999_999;
/** How old the list of webhooks may be that a change of state is compared with. */
const CACHED_MS = 10_000;
const KEPT_ATTEMPTS = 100;

const webhookRecordSchema = webhookViewSchema.extend({
  secret: z.object({ keyId: z.string(), sealed: z.string() }),
});
export type WebhookRecord = z.infer<typeof webhookRecordSchema>;

const deliverySchema = z.object({
  id: z.string(),
  webhook: z.string(),
  event: webhookEventSchema,
  attempt: z.number().int().positive(),
});
export type Delivery = z.infer<typeof deliverySchema>;

/** Webhooks, the outbox of what they have still to be told (in order of when), and the last attempts of each. */
export class WebhookStore {
  private readonly hooks: Documents<WebhookRecord>;
  private readonly outbox: Documents<Delivery>;
  private readonly told: Documents<{ n: number }>;
  private readonly attempts: Documents<WebhookAttempt>;
  private cached: { at: number; hooks: WebhookRecord[] } | undefined;

  constructor(table: TableClient) {
    this.hooks = new Documents(table, webhookRecordSchema);
    this.outbox = new Documents(table, deliverySchema);
    this.told = new Documents(table, z.object({ n: z.number().int() }));
    this.attempts = new Documents(table, webhookAttemptSchema);
  }

  async insert(hook: WebhookRecord): Promise<void> {
    await this.hooks.insert(HOOKS, hook.id, hook);
    this.cached = undefined;
  }

  async find(id: string): Promise<WebhookRecord | undefined> {
    return (await this.hooks.get(HOOKS, id))?.value;
  }

  async *list(): AsyncGenerator<WebhookRecord> {
    for await (const { value } of this.hooks.list(HOOKS)) yield value;
  }

  /** Removes a webhook and its attempts; what is in the outbox for it is dropped when its time comes. */
  async remove(id: string): Promise<void> {
    await this.hooks.remove(HOOKS, id);
    this.cached = undefined;
    for await (const { row } of this.attempts.list(attemptsOf(id)))
      await this.attempts.remove(attemptsOf(id), row);
  }

  /**
   * Puts a task's changes of state into the outbox, those that are not there yet. It may be called as often as one likes, and is:
   * after every change, and again by those who look after tasks, in case a process ended in between.
   */
  async notify(task: Pick<TaskRecord, "id" | "sessionId" | "name" | "changes">): Promise<void> {
    const { changes = [] } = task;
    const last = changes.at(-1);
    if (!last) return;
    const hooks = await this.recent();
    if (hooks.length === 0) return;
    const upTo = (await this.told.get(TOLD, task.id))?.value.n ?? 0;
    if (upTo >= last.n) return;
    for (const { n, from, to, at } of changes.filter((change) => change.n > upTo)) {
      const type = `task.${to}` as const;
      const data = { taskId: task.id, sessionId: task.sessionId, name: task.name, from, to };
      const interested = hooks.filter(
        ({ events, createdAt }) => events.includes(type) && createdAt <= at,
      );
      for (const { id: webhook } of interested) {
        const id = `msg_${task.id}.${n}`;
        const delivery = { id, webhook, event: { type, timestamp: at, data }, attempt: 1 };
        await this.outbox.insert(DUE, dueRow(Date.parse(at), delivery), delivery);
      }
    }
    await this.told.put(TOLD, task.id, { n: last.n });
  }

  /** Forgets how far the changes of a task have been told: the task is gone. */
  async forget(taskId: string): Promise<void> {
    await this.told.remove(TOLD, taskId);
  }

  /** What is due, oldest first. */
  async *due(now: number, limit: number): AsyncGenerator<{ row: string; delivery: Delivery }> {
    const rows = this.outbox.list(DUE, { before: pad(now + 1), pageSize: limit });
    let left = limit;
    for await (const { row, value } of rows) {
      yield { row, delivery: value };
      if (--left === 0) return;
    }
  }

  /** Takes a delivery out of the outbox, or moves it to a later time. The later row comes first: told twice beats never. */
  async settle(row: string, delivery: Delivery, again?: number): Promise<void> {
    if (again !== undefined) {
      const next = { ...delivery, attempt: delivery.attempt + 1 };
      await this.outbox.insert(DUE, dueRow(again, next), next);
    }
    await this.outbox.remove(DUE, row);
  }

  async noteAttempt(webhook: string, attempt: WebhookAttempt): Promise<void> {
    const key = `${String(LAST_MS - Date.parse(attempt.at)).padStart(13, "0")}-${newId(6)}`;
    await this.attempts.insert(attemptsOf(webhook), key, attempt);
  }

  /** The last attempts, newest first. Removes those that are too many on the way. */
  async lastAttempts(webhook: string): Promise<WebhookAttempt[]> {
    const last: WebhookAttempt[] = [];
    for await (const { row, value } of this.attempts.list(attemptsOf(webhook)))
      if (last.length < KEPT_ATTEMPTS) last.push(value);
      else await this.attempts.remove(attemptsOf(webhook), row);
    return last;
  }

  private async recent(): Promise<WebhookRecord[]> {
    const now = Date.now();
    if (!this.cached || now - this.cached.at > CACHED_MS)
      this.cached = { at: now, hooks: await Array.fromAsync(this.list()) };
    return this.cached.hooks;
  }
}

const attemptsOf = (webhook: string) => `attempts.${webhook}`;
const pad = (ms: number) => String(ms).padStart(13, "0");
const dueRow = (ms: number, { webhook, id }: Delivery) => `${pad(ms)}-${webhook}-${id}`;
