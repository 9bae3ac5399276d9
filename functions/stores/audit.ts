import type { TableClient } from "@azure/data-tables";
import {
  type AuditEntry,
  type AuditQuery,
  auditEntrySchema,
} from "../../shared/contracts/audit.ts";
import { newId } from "../domain/ids.ts";
import { Documents } from "./documents.ts";

/** An entry as it is written: time and id come with it. */
export type NewAuditEntry = Omit<AuditEntry, "id" | "at">;

const ALL = "all";
const LAST_MS = 9_999_999_999_999;

/** Rows that one call looks at, whatever it filters by: what a page costs does not grow with the trail. */
const EXAMINED = 2000;

/**
 * The audit trail: rows are added, never changed. Keys count time down, so that the newest come first in one range; entries
 * about a task are also in the task's own partition.
 */
export class AuditStore {
  private readonly entries: Documents<AuditEntry>;

  constructor(table: TableClient) {
    this.entries = new Documents(table, auditEntrySchema);
  }

  async add(entry: NewAuditEntry): Promise<void> {
    const now = Date.now();
    const row = { id: `${keyOf(now)}-${newId()}`, at: new Date(now).toISOString(), ...entry };
    const { task } = entry.ids;
    if (task !== undefined) await this.entries.insert(partitionOf(task), row.id, row);
    await this.entries.insert(ALL, row.id, row);
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
    const begin = until === undefined ? "" : keyOf(Date.parse(until));
    const rows = this.entries.list(task === undefined ? ALL : partitionOf(task), {
      from: after !== undefined && after > begin ? after : begin,
      before: from === undefined ? "~" : keyOf(Date.parse(from) - 1),
      pageSize: actor === undefined ? limit + 1 : 1000,
    });
    const entries: AuditEntry[] = [];
    let examined = 0;
    for await (const { row, value } of rows) {
      if (entries.length === limit || examined++ === EXAMINED) return { entries, next: row };
      if (actor === undefined || actor === value.actor || actor === value.actorId)
        entries.push(value);
    }
    return { entries };
  }
}

/** Table keys may not hold some characters (MS docs: Understanding the Table Service data model), ids never do. */
const partitionOf = (task: string) => `task.${task.replace(/[^\w.-]/g, "_")}`;

const keyOf = (ms: number) => String(LAST_MS - Math.max(0, ms)).padStart(13, "0");
