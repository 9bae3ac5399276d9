import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import { newId } from "../domain/ids.ts";
import { Documents } from "./storage/documents.ts";

/** How long an answer is kept for those who ask again. */
const KEPT_MS = 24 * 3600_000;
/**
 * A request that has not ended after this time counts as cut off: the next one with its key takes it up. Should it only have been
 * slow, both do the same under the same ids, and the answer of the later one counts.
 */
const CUT_OFF_MS = 15_000;

const recordSchema = z.object({
  state: z.enum(["started", "done"]),
  /** SHA-256 of what was asked for. */
  request: z.string(),
  /** Ids of what the request creates are made from this. */
  seed: z.string(),
  startedAt: z.number().int(),
  /** Changes with every request that takes the work over. */
  holder: z.string(),
  status: z.number().int().optional(),
  etag: z.string().optional(),
  chunks: z.number().int().optional(),
});
type Row = z.infer<typeof recordSchema>;

export interface StoredAnswer {
  status: number;
  json: string;
  etag?: string | undefined;
}

export type Claim =
  /** It is ours to do. */
  | { is: "ours"; seed: string; holder: string }
  /** It was done before. */
  | { is: "done"; answer: StoredAnswer }
  | { is: "under way" }
  /** The key belongs to another request. */
  | { is: "other" };

const ROW = "request";
const chunkRow = (n: number) => `answer-${n.toString().padStart(3, "0")}`;
/** Characters of a string property: 64 KB of UTF-16, less the quotes. */
const CHUNK = 30_000;

/**
 * What was asked under an idempotency key, and what was answered: a partition per caller and key. A request is noted as started
 * before it does anything, with the seed of the ids it creates. Should the process die before the answer is stored, the next
 * request with the key finds the note and does the same again under the same ids: what exists by then is found, not
 * made twice.
 */
export class IdempotencyStore {
  private readonly table: TableClient;
  private readonly rows: Documents<Row>;
  private readonly chunks: Documents<{ text: string }>;

  constructor(table: TableClient) {
    this.table = table;
    this.rows = new Documents(table, recordSchema);
    this.chunks = new Documents(table, z.object({ text: z.string() }));
  }

  async claim(key: string, request: string, now: number): Promise<Claim> {
    const fresh: Row = {
      state: "started",
      request,
      seed: newId(20),
      startedAt: now,
      holder: newId(),
    };
    if (await this.rows.insert(key, ROW, fresh)) return { is: "ours", ...fresh };
    let claim: Claim = { is: "under way" };
    let done: Row | undefined;
    await this.rows.update(key, ROW, (row) => {
      done = undefined;
      if (now - row.startedAt > KEPT_MS) {
        claim = { is: "ours", ...fresh };
        return fresh;
      }
      if (row.request !== request) claim = { is: "other" };
      else if (row.state === "done") done = row;
      else if (now - row.startedAt > CUT_OFF_MS) {
        const taken = { ...row, startedAt: now, holder: fresh.holder };
        claim = { is: "ours", seed: row.seed, holder: fresh.holder };
        return taken;
      } else claim = { is: "under way" };
      return undefined;
    });
    return done ? { is: "done", answer: await this.answerOf(key, done) } : claim;
  }

  /** Keeps the answer; its parts first, so that a request that is noted as done has all of them. */
  async finish(key: string, holder: string, { status, json, etag }: StoredAnswer): Promise<void> {
    const packed = (await promisify(gzip)(json)).toString("base64");
    const parts = packed.match(new RegExp(`.{1,${CHUNK}}`, "g")) ?? [];
    for (const [n, text] of parts.entries()) await this.chunks.put(key, chunkRow(n), { text });
    await this.rows.update(key, ROW, (row) =>
      row.holder === holder
        ? { ...row, state: "done", status, etag, chunks: parts.length }
        : undefined,
    );
  }

  /** The request was refused and has created nothing: the key is free again. */
  async forget(key: string, holder: string): Promise<void> {
    const row = await this.rows.get(key, ROW);
    if (row?.value.holder === holder) await this.rows.remove(key, ROW);
  }

  /** The request failed half way, for all we know: whoever comes next may take it up at once. */
  async release(key: string, holder: string): Promise<void> {
    await this.rows.update(key, ROW, (row) =>
      row.holder === holder && row.state === "started"
        ? { ...row, startedAt: row.startedAt - CUT_OFF_MS - 1 }
        : undefined,
    );
  }

  /** Removes what nobody can ask for any more. Reads the whole table: a timer's work. */
  async removeOld(now: number): Promise<number> {
    const before = new Date(now - KEPT_MS - 3600_000).toISOString();
    const old = this.table.listEntities({
      queryOptions: { filter: `Timestamp lt datetime'${before}'` },
    });
    let removed = 0;
    for await (const { partitionKey, rowKey } of old) {
      await this.rows.remove(partitionKey as string, rowKey as string);
      removed++;
    }
    return removed;
  }

  private async answerOf(
    key: string,
    { status = 200, etag, chunks = 0 }: Row,
  ): Promise<StoredAnswer> {
    let packed = "";
    for (let n = 0; n < chunks; n++)
      packed += (await this.chunks.get(key, chunkRow(n)))?.value.text;
    const json = (await promisify(gunzip)(Buffer.from(packed, "base64"))).toString("utf8");
    return { status, json, etag };
  }
}
