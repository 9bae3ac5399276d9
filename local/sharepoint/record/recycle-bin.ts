import type { DatabaseSync } from "node:sqlite";
import type { Library } from "../sites.ts";
import { type ItemStore, parentOf, pathKey } from "./item-store.ts";

/** What was deleted at once: a file, or a folder with everything in it. */
interface RecycledEntry {
  id: string;
  kind: "file" | "folder";
  name: string;
  /** Web-relative URL of the folder that it was in. */
  folder: string;
  size: number;
  deletedAt: string;
}

export type RecycleBin = ReturnType<typeof recycleBin>;

/** Ids of deleted items: as long as they are in the bin, an import that uses one of them is a conflict. */
export function recycleBin(database: DatabaseSync, items: ItemStore) {
  const sql = {
    has: database.prepare("SELECT id FROM recycle_bin WHERE site = ? AND id = ?"),
    add: database.prepare(
      `INSERT OR REPLACE INTO recycle_bin
       SELECT site, id, ?3, kind, name, ?4, size, ?5 FROM items
       WHERE list_id = ?1 AND (path_key = ?2 OR (path_key > ?2 || '/' AND path_key < ?2 || '0'))`,
    ),
    entries: database.prepare(
      `SELECT id, kind, name, folder, size, deleted_at AS deletedAt FROM recycle_bin
       WHERE site = ? AND id = entry ORDER BY deleted_at, id`,
    ),
    purge: database.prepare(
      "DELETE FROM recycle_bin WHERE site = ?1 AND (entry = ?2 OR ?2 IS NULL)",
    ),
  };

  return {
    has: (site: string, id: string) => sql.has.get(site, id) !== undefined,
    /** Moves the record of an item, and of what is in it, to the bin. Returns the id of the entry. */
    add(library: Library, path: string): string {
      const entry = items.byPath(library.listId, path)?.id ?? "";
      const folder = [library.urlName, parentOf(path)].filter(Boolean).join("/");
      const now = new Date().toISOString();
      sql.add.run(library.listId, pathKey(path), entry, folder, now);
      items.dropTree(library.listId, path);
      return entry;
    },
    entries: (site: string) => sql.entries.all(site) as unknown as RecycledEntry[],
    /** Deletes an entry, or all of them, for good. Returns false if there is none. */
    purge: (site: string, entry: string | null) => sql.purge.run(site, entry).changes > 0,
  };
}
