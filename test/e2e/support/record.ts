import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** An item as the destination has it on record: what SharePoint would answer if it were asked. */
export interface RecordedItem {
  id: string;
  path: string;
  kind: "file" | "folder";
  state: string;
  size: number;
  created: string;
  modified: string;
  intId: number;
  /** How many import jobs brought it. */
  imports: number;
}

/** The record of everything that was imported, by path. Only while nothing runs. */
export function readRecord(data: string): Map<string, RecordedItem> {
  const database = new DatabaseSync(join(data, "sharepoint", "sharepoint.sqlite"));
  try {
    const rows = database
      .prepare(
        `SELECT id, path, kind, state, size, created, modified, int_id AS intId, import_count AS imports
           FROM items`,
      )
      .all() as unknown as RecordedItem[];
    return new Map(rows.map((row) => [row.path, { ...row }]));
  } finally {
    database.close();
  }
}
