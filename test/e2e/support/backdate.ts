import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "./running.ts";

/**
 * Makes packages older, in the stores of an Azurite that is stopped (LokiJS, a JSON file each): when their containers were made, and
 * when their row says that they were recorded. `days`: their ages by container of contents.
 */
export function backdate(data: string, days: ReadonlyMap<string, number>): void {
  const ago = (age: number) => new Date(Date.now() - age * 24 * 3_600_000).toISOString();
  const changed = { containers: 0, rows: 0 };
  editStore(join(data, "azurite-blob", "__azurite_db_blob__.json"), (document) => {
    const age = days.get(String(document.name).replace(/-m$/, "-d"));
    if (age === undefined || !document.properties?.lastModified || document.containerName) return;
    document.properties.lastModified = ago(age);
    changed.containers++;
  });
  editStore(join(data, "azurite-table", "__azurite_db_table__.json"), (document) => {
    if (!/^package-/.test(document.RowKey ?? "")) return;
    const row = JSON.parse(document.properties.data);
    const age = days.get(row.containers?.data);
    if (age === undefined) return;
    document.properties.data = JSON.stringify({ ...row, recordedAt: ago(age) });
    changed.rows++;
  });
  if (changed.containers !== 2 * days.size || changed.rows !== days.size)
    throw new Error(`the stores are not as they were expected: ${JSON.stringify(changed)}`);
}

function editStore(file: string, edit: (document: Json) => void): void {
  const store = JSON.parse(readFileSync(file, "utf8"));
  for (const { data } of store.collections) data.forEach(edit);
  writeFileSync(file, JSON.stringify(store));
}
