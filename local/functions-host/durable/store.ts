import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

/**
 * The one database of a host: WAL, one writer, group commit.
 *
 * `inbox` rows carry the execution they are meant for, or NULL for "whichever runs": a timer of an
 * execution that has been continued as new finds nobody and is dropped. A `history` row holds the
 * events of one turn, as JSON joined by commas.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS instances(
    id TEXT PRIMARY KEY, execution TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    input TEXT, output TEXT, custom_status TEXT, status TEXT NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL,
    parent TEXT, turns INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS instances_by_age ON instances(created, id);
  CREATE TABLE IF NOT EXISTS history(
    id TEXT NOT NULL, turn INTEGER NOT NULL, events TEXT NOT NULL,
    PRIMARY KEY(id, turn)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS inbox(
    row INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, execution TEXT,
    due INTEGER NOT NULL, event TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS inbox_by_target ON inbox(target);
  CREATE INDEX IF NOT EXISTS inbox_by_due ON inbox(due) WHERE due > 0;
  CREATE TABLE IF NOT EXISTS activities(
    row INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL, execution TEXT NOT NULL,
    task INTEGER NOT NULL, name TEXT NOT NULL, input TEXT);
  CREATE INDEX IF NOT EXISTS activities_by_instance ON activities(instance);
  CREATE TABLE IF NOT EXISTS entity_states(id TEXT PRIMARY KEY, state TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS kv(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

interface Unit {
  work: () => unknown;
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

export class Store {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #pending: Unit[] = [];
  #flushPlanned = false;

  /** Opens or creates the file; throws if another process holds it. */
  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    // EXCLUSIVE makes the first process the only one; the timeout covers one that is just exiting. NORMAL: what is committed
    // survives the death of the process; after a power cut the last moments may be missing, never the consistency.
    this.#db.exec(`
      PRAGMA busy_timeout=2000; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;
      PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000; ${SCHEMA}`);
  }

  get<Row>(sql: string, ...args: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...args) as Row | undefined;
  }

  all<Row>(sql: string, ...args: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...args) as Row[];
  }

  /** Runs a statement; returns the row id of an insert. */
  run(sql: string, ...args: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...args).lastInsertRowid);
  }

  /** Inserts a row; returns its row id. */
  insert(table: string, row: Record<string, SQLInputValue>): number {
    const columns = Object.keys(row);
    const sql = `INSERT INTO ${table}(${columns}) VALUES(${columns.map(() => "?")})`;
    return this.run(sql, ...Object.values(row));
  }

  readValue<T>(key: string): T | undefined {
    const row = this.get<{ value: string }>("SELECT value FROM kv WHERE key=?", key);
    return row && (JSON.parse(row.value) as T);
  }

  writeValue(key: string, value: unknown): void {
    this.run("INSERT OR REPLACE INTO kv(key,value) VALUES(?,?)", key, JSON.stringify(value));
  }

  /**
   * Group commit: runs `work` in the next transaction, together with everything else that asks
   * before it starts, and resolves once it is committed. A unit that throws is undone alone.
   */
  commit<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ work, resolve: resolve as Unit["resolve"], reject });
      if (this.#flushPlanned) return;
      this.#flushPlanned = true;
      setImmediate(() => this.flush());
    });
  }

  /** Commits what is pending now. */
  flush(): void {
    this.#flushPlanned = false;
    const units = this.#pending;
    this.#pending = [];
    if (units.length === 0) return;
    const done: { unit: Unit; value: unknown }[] = [];
    // Prepared, because parsing these for every unit costs a fifth of the throughput.
    try {
      this.run("BEGIN IMMEDIATE");
      for (const unit of units) {
        this.run("SAVEPOINT unit");
        try {
          const value = unit.work();
          this.run("RELEASE unit");
          done.push({ unit, value });
        } catch (error) {
          this.run("ROLLBACK TO unit");
          this.run("RELEASE unit");
          unit.reject(error);
        }
      }
      this.run("COMMIT");
    } catch (error) {
      // For example a full disk: nothing of this group happened, and every caller hears so.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      for (const unit of units) unit.reject(error);
      return;
    }
    for (const { unit, value } of done) unit.resolve(value);
  }

  close(): void {
    this.flush();
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
