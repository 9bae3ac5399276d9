import { randomUUID } from "node:crypto";
import type { Stats } from "node:fs";
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { Library } from "../sites.ts";

/** A file or folder of a library as the record knows it. Times are ISO 8601 UTC. */
export interface Item {
  id: string;
  listId: string;
  kind: "file" | "folder";
  /** Relative to the library root, "/" between names. */
  path: string;
  name: string;
  /** claimed: reserved by a job whose file may or may not be written yet. */
  state: "claimed" | "present";
  /** Where it came from: an import, or it was there before anybody imported it. */
  origin: "imported" | "adopted";
  size: number;
  created: string | null;
  modified: string | null;
  author: string | null;
  editor: string | null;
  version: string | null;
  /** Oldest first; empty for folders and for what was not imported. */
  versions: Version[];
  listItemId: string | null;
  intId: number;
  /** JSON of the role assignments of the item's unique scope, or null if it inherits. */
  permissions: string | null;
  /** How many jobs imported it. */
  importCount: number;
  jobId: string | null;
}

export interface Version {
  label: string;
  size: number;
  editor: string | null;
  modified: string | null;
  jobId: string;
}

/** What an import says about an item. */
export type ImportedFields = Pick<
  Item,
  "size" | "created" | "modified" | "author" | "editor" | "version" | "versions" | "listItemId"
>;

export type ItemStore = ReturnType<typeof itemStore>;

/** SharePoint compares paths without regard to case. */
export function pathKey(path: string): string {
  return path.toLowerCase();
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

const COLUMNS = `id, list_id AS listId, kind, path, name, state, origin, size, created, modified, author, editor, version,
  versions, list_item_id AS listItemId, int_id AS intId, permissions, import_count AS importCount, job_id AS jobId`;

// "0" is the character after "/": the range holds exactly the item and what is below it.
const TREE = "list_id = ?1 AND (path_key = ?2 OR (path_key > ?2 || '/' AND path_key < ?2 || '0'))";

/** The record of all items. Callers put writes that belong together into one transaction. */
export function itemStore(database: DatabaseSync) {
  const select = (rest: string) => database.prepare(`SELECT ${COLUMNS} FROM items WHERE ${rest}`);
  const count = (rest: string) =>
    database.prepare(`SELECT count(*) AS value FROM items WHERE ${rest}`);
  const sql = {
    byId: select("site = ? AND id = ?"),
    byPath: select("list_id = ? AND path_key = ?"),
    intIdTaken: database.prepare("SELECT id FROM items WHERE list_id = ? AND int_id = ?"),
    maxIntId: database.prepare("SELECT max(int_id) AS value FROM items WHERE list_id = ?"),
    insert: database.prepare(
      `INSERT INTO items (site, id, list_id, kind, path, path_key, parent_key, name, state, origin, int_id, job_id,
         list_item_id, size, created, modified)
       VALUES (:site, :id, :listId, :kind, :path, :pathKey, :parentKey, :name, :state, :origin, :intId, :jobId,
         :listItemId, :size, :created, :modified)`,
    ),
    imported: database.prepare(
      `UPDATE items SET state = 'present', origin = 'imported', size = :size, created = :created, modified = :modified,
         author = :author, editor = :editor, version = :version, versions = :versions,
         list_item_id = coalesce(:listItemId, list_item_id),
         import_count = import_count + (import_count = 0 OR job_id IS NOT :jobId), job_id = :jobId
       WHERE site = :site AND id = :id`,
    ),
    setPermissions: database.prepare("UPDATE items SET permissions = ? WHERE site = ? AND id = ?"),
    dropClaim: database.prepare(
      "DELETE FROM items WHERE site = ? AND id = ? AND state = 'claimed'",
    ),
    claimsOfEndedJobs: select(
      "state = 'claimed' AND job_id NOT IN (SELECT id FROM jobs WHERE state IN ('queued', 'processing'))",
    ),
    keepClaim: database.prepare(
      `UPDATE items SET state = 'present', size = ?, created = coalesce(created, ?), modified = ?, import_count = 1
       WHERE site = ? AND id = ? AND state = 'claimed'`,
    ),
    respell: database.prepare(
      `UPDATE items SET path = ?3 || substr(path, length(?3) + 1), name = iif(path_key = ?2, ?4, name) WHERE ${TREE}`,
    ),
    dropTree: database.prepare(`DELETE FROM items WHERE ${TREE}`),
    children: select(
      "list_id = ? AND parent_key = ? AND kind = ? AND state = 'present' ORDER BY name LIMIT ? OFFSET ?",
    ),
    namesIn: database.prepare("SELECT path, state FROM items WHERE list_id = ? AND parent_key = ?"),
    countChildren: count("list_id = ? AND parent_key = ? AND state = 'present'"),
    countAll: count("list_id = ? AND state = 'present'"),
    after: select("list_id = ? AND path_key > ? ORDER BY path_key LIMIT 1000"),
  };
  /** The next free integer id per library: items are only ever numbered here. */
  const nextIntId = new Map<string, number>();

  function intIdFor(listId: string, wished: number): number {
    if (wished > 0 && !sql.intIdTaken.get(listId, wished)) {
      const next = nextIntId.get(listId);
      if (next !== undefined && wished >= next) nextIntId.set(listId, wished + 1);
      return wished;
    }
    const next = nextIntId.get(listId) ?? Number(sql.maxIntId.get(listId)?.value ?? 0) + 1;
    nextIntId.set(listId, next + 1);
    return next;
  }

  function insert(
    library: Library,
    item: Pick<Item, "id" | "kind" | "path" | "state" | "origin" | "jobId"> &
      Partial<Pick<Item, "intId" | "size" | "created" | "modified" | "listItemId">>,
  ): void {
    sql.insert.run({
      ...{ size: 0, created: null, modified: null, listItemId: randomUUID() },
      ...item,
      site: library.site.name,
      listId: library.listId,
      pathKey: pathKey(item.path),
      parentKey: pathKey(parentOf(item.path)),
      name: nameOf(item.path),
      intId: intIdFor(library.listId, item.intId ?? 0),
    });
  }

  return {
    byId: (site: string, id: string) => toItem(sql.byId.get(site, id)),
    byPath: (listId: string, path: string) => toItem(sql.byPath.get(listId, pathKey(path))),
    insert,
    /**
     * Marks an item imported by the job; counts the job once, however often it is run again after a crash.
     * Returns false if there is no such item.
     */
    imported(site: string, id: string, jobId: string, fields: ImportedFields): boolean {
      const versions = JSON.stringify(fields.versions);
      const { changes } = sql.imported.run({ ...fields, versions, jobId, site, id });
      return changes > 0;
    },
    setPermissions: (site: string, id: string, json: string) =>
      void sql.setPermissions.run(json, site, id),
    /** Gives up the reservation of an item that was not there before and could not be imported. */
    dropClaim: (site: string, id: string) => void sql.dropClaim.run(site, id),
    claimsOfEndedJobs: () => sql.claimsOfEndedJobs.all().map(toKnownItem),
    /** The claimed item was written although its job did not live to record it. */
    keepClaim: (site: string, id: string, size: number, { birthtime, mtime }: Stats) =>
      void sql.keepClaim.run(size, birthtime.toISOString(), mtime.toISOString(), site, id),
    /** Gives an item, and the paths below it, the spelling of `path`: a rename that changes nothing but case. */
    respell: (listId: string, path: string) =>
      void sql.respell.run(listId, pathKey(path), path, nameOf(path)),
    dropTree: (listId: string, path: string) => void sql.dropTree.run(listId, pathKey(path)),
    children: (listId: string, path: string, kind: Item["kind"], top: number, skip: number) =>
      sql.children.all(listId, pathKey(path), kind, top, skip).map(toKnownItem),
    namesIn: (listId: string, path: string) =>
      sql.namesIn
        .all(listId, pathKey(path))
        .map((row) => ({ path: String(row.path), state: row.state as Item["state"] })),
    countChildren: (listId: string, path: string) =>
      Number(sql.countChildren.get(listId, pathKey(path))?.value),
    countAll: (listId: string) => Number(sql.countAll.get(listId)?.value),
    /** The items of a library in path order, read a thousand at a time. */
    *all(listId: string): Generator<Item> {
      for (let last = ""; ; ) {
        const page = sql.after.all(listId, last).map(toKnownItem);
        yield* page;
        if (page.length === 0) return;
        last = pathKey(page.at(-1)?.path ?? "");
      }
    },
  };
}

type Row = Record<string, SQLOutputValue>;

function toItem(row: Row | undefined): Item | undefined {
  return row && toKnownItem(row);
}

function toKnownItem(row: Row): Item {
  return { ...row, versions: JSON.parse(String(row.versions)) } as unknown as Item;
}
