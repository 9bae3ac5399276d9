import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Counts up with every change that rows of earlier releases do not fit. */
const SCHEMA_VERSION = 2;

const schema = `
  CREATE TABLE IF NOT EXISTS sites (
    name TEXT PRIMARY KEY,
    site_id TEXT NOT NULL,
    web_id TEXT NOT NULL,
    web_root_folder_id TEXT NOT NULL
  );
  -- A library is its folder: the same title on another folder is another library with other ids.
  CREATE TABLE IF NOT EXISTS libraries (
    site TEXT NOT NULL,
    title TEXT NOT NULL,
    folder TEXT NOT NULL,
    list_id TEXT NOT NULL,
    root_folder_id TEXT NOT NULL,
    PRIMARY KEY (site, title, folder)
  );
  CREATE TABLE IF NOT EXISTS items (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    list_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    path_key TEXT NOT NULL,
    parent_key TEXT NOT NULL,
    name TEXT NOT NULL,
    -- claimed: reserved by a job whose file may or may not be written yet; present: it is there
    state TEXT NOT NULL,
    origin TEXT NOT NULL,
    size INTEGER NOT NULL DEFAULT 0,
    created TEXT,
    modified TEXT,
    author TEXT,
    editor TEXT,
    version TEXT,
    -- JSON: what an import said about each version, oldest first
    versions TEXT NOT NULL DEFAULT '[]',
    list_item_id TEXT,
    int_id INTEGER NOT NULL,
    permissions TEXT,
    import_count INTEGER NOT NULL DEFAULT 0,
    job_id TEXT,
    PRIMARY KEY (site, id)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX IF NOT EXISTS items_path ON items (list_id, path_key);
  CREATE UNIQUE INDEX IF NOT EXISTS items_int_id ON items (list_id, int_id);
  CREATE INDEX IF NOT EXISTS items_children ON items (list_id, parent_key, kind, name);
  CREATE INDEX IF NOT EXISTS items_claims ON items (job_id) WHERE state = 'claimed';
  CREATE TABLE IF NOT EXISTS recycle_bin (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    -- the id of what was deleted: this item, or the folder it was in
    entry TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    folder TEXT NOT NULL,
    size INTEGER NOT NULL,
    deleted_at TEXT NOT NULL,
    PRIMARY KEY (site, id)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    login TEXT NOT NULL COLLATE NOCASE,
    UNIQUE (site, login)
  );
  CREATE TABLE IF NOT EXISTS jobs (
    -- which job of all it is: what the faults that it meets depend on
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    site TEXT NOT NULL,
    web_id TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    data_container TEXT NOT NULL UNIQUE,
    metadata_container TEXT NOT NULL UNIQUE,
    -- container URLs with their SAS and the content key, sealed; null once the job has ended
    secrets BLOB,
    queued_at TEXT NOT NULL,
    ended_at TEXT
  );
  CREATE TABLE IF NOT EXISTS events (
    job_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    -- milliseconds since 1970: not reported before
    due INTEGER NOT NULL,
    PRIMARY KEY (job_id, seq)
  ) WITHOUT ROWID;
`;

/** Opens (or creates) the simulator's state in `dataFolder`. */
export function openDatabase(dataFolder: string): DatabaseSync {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const file = join(dataFolder, "sharepoint.sqlite");
  const isNew = !existsSync(file);
  const database = new DatabaseSync(file);
  const { user_version: version } = database.prepare("PRAGMA user_version").get() ?? {};
  if (!isNew && version !== SCHEMA_VERSION)
    throw new Error(
      `${file} was written by another release. This one cannot read it: begin with an empty data folder.`,
    );
  // WAL with synchronous=NORMAL: nothing that was committed is lost when the process is killed.
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000",
  );
  database.exec(`${schema} PRAGMA user_version = ${SCHEMA_VERSION};`);
  return database;
}

/** Runs `work` in one transaction: all of it is kept, or, if it throws, nothing. */
export function transact<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}
