import type { TableClient, TransactionAction } from "@azure/data-tables";
import {
  type AuditEntry,
  type AuditQuery,
  auditEntrySchema,
} from "../../shared/contracts/audit.ts";
import { newId } from "../domain/ids.ts";
import { Documents } from "./storage/documents.ts";
import { GroupWrites } from "./storage/groupWrites.ts";

/** What somebody is about to do; time and id come with it. */
export type NewAuditEntry = Omit<AuditEntry, "id" | "at" | "outcome" | "status">;
export type DoneAuditEntry = NewAuditEntry & { status: number };

/** An entry as it is stored: without a status nobody has noted yet how it went. */
const rowSchema = auditEntrySchema.omit({ outcome: true });
type AuditRow = Omit<AuditEntry, "outcome">;

/** An entry that is written before the change it tells of. */
export interface Intent {
  /** Notes how it went, with the ids that are known by now. */
  done(status: number, ids?: Record<string, string>): Promise<void>;
  /** Nothing was changed: it was refused. */
  refused(): Promise<void>;
}

const PARTITION = "all";
const LAST_MS = 9_999_999_999_999;
/** Rows of the whole trail begin with a digit; this is the key after them. */
const END = ":";

/** Rows that one call looks at, whatever it filters by: what a page costs does not grow with the trail. */
const EXAMINED = 2000;

/**
 * The audit trail. An entry is written before the change and completed after it, so that no change is without one, whatever
 * dies in between; after that it is never changed. Keys count time down: the newest come first in one range. An entry about
 * a task is there a second time in that task's range, in the same transaction.
 */
export class AuditStore {
  private readonly entries: Documents<AuditRow>;
  private readonly writes: GroupWrites;

  constructor(table: TableClient) {
    this.entries = new Documents(table, rowSchema);
    this.writes = new GroupWrites(table);
  }

  /** Notes what has been done already, or is done in any case. */
  async add(entry: DoneAuditEntry): Promise<void> {
    await this.put(stamped(entry));
  }

  /** Notes what somebody is about to do. */
  async intend(entry: NewAuditEntry): Promise<Intent> {
    const row = stamped(entry);
    await this.put(row);
    return {
      done: (status, ids = row.ids) => this.put({ ...row, ids, status }),
      refused: () => this.remove(row),
    };
  }

  /** A page, newest first, and where the next one begins. */
  async page({
    limit,
    after,
    task,
    actor,
    from,
    until,
  }: AuditQuery): Promise<{ entries: AuditEntry[]; next?: string }> {
    const prefix = task === undefined ? "" : prefixOf(task);
    const begin = `${prefix}${until === undefined ? "" : keyOf(Date.parse(until))}`;
    const rows = this.entries.list(PARTITION, {
      from: after !== undefined && after > begin ? after : begin,
      before: `${prefix}${from === undefined ? END : keyOf(Date.parse(from) - 1)}`,
      pageSize: actor === undefined ? limit + 1 : 1000,
    });
    const entries: AuditEntry[] = [];
    let examined = 0;
    for await (const { row, value } of rows) {
      if (entries.length === limit || examined++ === EXAMINED) return { entries, next: row };
      if (actor === undefined || actor === value.actor || actor === value.actorId)
        entries.push(shown(value));
    }
    return { entries };
  }

  /** Entries from before that moment, in milliseconds since 1970: the newest of them first. */
  async *before(ms: number): AsyncGenerator<AuditEntry> {
    for await (const { value } of this.entries.list(PARTITION, { from: keyOf(ms), before: END }))
      yield shown(value);
  }

  async remove(entry: Pick<AuditRow, "id" | "ids">): Promise<void> {
    await this.writes.write(
      PARTITION,
      ...keysOf(entry).map((row): TransactionAction => ["delete", key(row)]),
    );
  }

  private async put(row: AuditRow): Promise<void> {
    await this.writes.write(
      PARTITION,
      ...keysOf(row).map((each) => this.entries.putAction(PARTITION, each, row)),
    );
  }
}

function stamped(entry: NewAuditEntry | DoneAuditEntry): AuditRow {
  const now = Date.now();
  return { id: `${keyOf(now)}-${newId()}`, at: new Date(now).toISOString(), ...entry };
}

/** While the request is under way, or when its process has ended before the answer, nobody knows how it went. */
const shown = (row: AuditRow): AuditEntry => ({
  ...row,
  outcome: row.status === undefined ? "unknown" : row.status < 400 ? "done" : "failed",
});

const key = (row: string) => ({ partitionKey: PARTITION, rowKey: row });

const keysOf = ({ id, ids: { task } }: Pick<AuditRow, "id" | "ids">): string[] =>
  task === undefined ? [id] : [id, `${prefixOf(task)}${id}`];

/** Table keys may not hold some characters (MS docs: Understanding the Table Service data model), ids never do. */
const prefixOf = (task: string) => `task.${task.replace(/[^\w.-]/g, "_")}.`;

const keyOf = (ms: number) => String(LAST_MS - Math.max(0, ms)).padStart(13, "0");
