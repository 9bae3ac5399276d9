import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

const SCHEMA_VERSION = 2;
const SCHEMA = `
  CREATE TABLE queue (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    next_sequence_number INTEGER NOT NULL,
    description TEXT
  );
  CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    dead_letter INTEGER NOT NULL,
    sequence_number INTEGER NOT NULL,
    state TEXT NOT NULL,
    enqueued_at INTEGER NOT NULL,
    expires_at INTEGER,
    scheduled_at INTEGER,
    delivery_count INTEGER NOT NULL,
    durable INTEGER NOT NULL,
    priority INTEGER,
    ttl INTEGER,
    first_acquirer INTEGER,
    annotations BLOB,
    bare BLOB NOT NULL
  );
  CREATE TABLE seen_message (
    queue INTEGER NOT NULL,
    message_key TEXT NOT NULL,
    forget_at INTEGER NOT NULL,
    PRIMARY KEY (queue, message_key)
  ) WITHOUT ROWID;`;

const STATEMENTS = {
  addQueue: "INSERT INTO queue (id, name, next_sequence_number) VALUES (?, ?, 1)",
  describeQueue: "UPDATE queue SET description = ? WHERE name = ?",
  reserveSequenceNumbers: "UPDATE queue SET next_sequence_number = ? WHERE id = ?",
  insert: `INSERT INTO message (id, queue, dead_letter, sequence_number, state, enqueued_at, expires_at,
    scheduled_at, delivery_count, durable, priority, ttl, first_acquirer, annotations, bare)
    VALUES (?, ?, 0, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)`,
  remove: "DELETE FROM message WHERE id = ?",
  activate:
    "UPDATE message SET state = 'ready', sequence_number = ?, enqueued_at = ?, expires_at = ? WHERE id = ?",
  setState: "UPDATE message SET state = ?, delivery_count = ? WHERE id = ?",
  setBare: "UPDATE message SET bare = ? WHERE id = ?",
  deadLetter:
    "UPDATE message SET dead_letter = 1, state = 'ready', expires_at = NULL, delivery_count = ? WHERE id = ?",
  remember: "INSERT OR REPLACE INTO seen_message (queue, message_key, forget_at) VALUES (?, ?, ?)",
  forget: "DELETE FROM seen_message WHERE queue = ? AND message_key = ?",
} as const;

export type Change = keyof typeof STATEMENTS;

/** A row of `message` without its content: what is kept in memory for every message. */
export interface MessageRow {
  id: number;
  queue: number;
  dead_letter: number;
  sequence_number: number;
  state: "ready" | "deferred" | "scheduled";
  enqueued_at: number;
  expires_at: number | null;
  scheduled_at: number | null;
  delivery_count: number;
  durable: number;
  priority: number | null;
  ttl: number | null;
  first_acquirer: number | null;
  annotations: Uint8Array | null;
  size: number;
}

/**
 * Group commit: changes wait in memory and are written as one transaction per turn of the event loop; whoever called
 * `afterCommit` is told then. With WAL and synchronous=NORMAL what is committed survives the death of the process
 * (a power cut may take the last transactions, which is fine for a stand-in and four times as fast).
 */
export class Store {
  readonly #db: DatabaseSync;
  readonly #statements: Record<Change, StatementSync>;
  readonly #bareById: StatementSync;
  readonly #onFailure: (error: unknown) => void;
  #changes: { statement: StatementSync; values: SQLInputValue[] }[] = [];
  #waiting: (() => void)[] = [];
  #scheduled = false;
  #failed = false;
  #nextMessageId: number;

  /**
   * Opens or creates `service-bus.db` in the directory and holds it exclusively: a second broker on the same
   * directory is refused. `onFailure` is called once when a commit fails (a full disk); nothing is written or
   * acknowledged after that, since what is in memory is then ahead of what is on disk.
   */
  constructor(directory: string, onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#db = openExclusively(join(directory, "service-bus.db"), directory);
    this.#statements = Object.fromEntries(
      Object.entries(STATEMENTS).map(([name, sql]) => [name, this.#db.prepare(sql)]),
    ) as Record<Change, StatementSync>;
    this.#bareById = this.#db.prepare("SELECT bare FROM message WHERE id = ?");
    this.#nextMessageId =
      (this.#db.prepare("SELECT max(id) AS id FROM message").get()?.id as number | null) ?? 0;
  }

  newMessageId(): number {
    return ++this.#nextMessageId;
  }

  /** Puts a change into the next transaction, in the order of the calls. */
  write(change: Change, ...values: SQLInputValue[]): void {
    this.#changes.push({ statement: this.#statements[change], values });
    this.#schedule();
  }

  /** Calls back when everything written so far is durable. Never called after a failed commit. */
  afterCommit(callback: () => void): void {
    this.#waiting.push(callback);
    this.#schedule();
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#failed) return;
    const changes = this.#changes;
    const waiting = this.#waiting;
    this.#changes = [];
    this.#waiting = [];
    if (changes.length > 0 && !this.#commit(changes)) return;
    for (const callback of waiting) callback();
  }

  queueNames(): string[] {
    return this.#db
      .prepare("SELECT name FROM queue")
      .all()
      .map(({ name }) => String(name));
  }

  /** Descriptions of the queues that were made at run time, as they were given. */
  queueDescriptions(): string[] {
    return this.#db
      .prepare("SELECT description FROM queue WHERE description IS NOT NULL ORDER BY id")
      .all()
      .map(({ description }) => String(description));
  }

  /** The queue's id and the first sequence number that was never given out; makes the queue if it is new. */
  openQueue(name: string): { id: number; nextSequenceNumber: number } {
    const find = this.#db.prepare(
      "SELECT id, next_sequence_number AS next FROM queue WHERE name = ?",
    );
    const row = find.get(name) as { id: number; next: number } | undefined;
    if (row) return { id: row.id, nextSequenceNumber: row.next };
    const id = Number(this.#db.prepare("SELECT count(*) AS n FROM queue").get()?.n) + 1;
    this.#statements.addQueue.run(id, name);
    return { id, nextSequenceNumber: 1 };
  }

  /** All messages of all queues, oldest first. */
  messages(): Iterable<MessageRow> {
    const select =
      this.#db.prepare(`SELECT id, queue, dead_letter, sequence_number, state, enqueued_at,
      expires_at, scheduled_at, delivery_count, durable, priority, ttl, first_acquirer, annotations,
      length(bare) AS size FROM message ORDER BY id`);
    return select.iterate() as Iterable<unknown> as Iterable<MessageRow>;
  }

  seenMessagesOf(queue: number): { key: string; forgetAt: number }[] {
    return this.#db
      .prepare(
        "SELECT message_key AS key, forget_at AS forgetAt FROM seen_message WHERE queue = ? ORDER BY forget_at",
      )
      .all(queue) as { key: string; forgetAt: number }[];
  }

  /** The content of a committed message. */
  bareOf(messageId: number): Buffer {
    const row = this.#bareById.get(messageId) as { bare: Uint8Array } | undefined;
    if (!row) throw new Error(`message ${messageId} is not in the store`);
    return Buffer.from(row.bare.buffer, row.bare.byteOffset, row.bare.byteLength);
  }

  /** Writes what is left and gives the directory free. */
  close(): void {
    this.flush();
    this.#failed = true;
    this.#db.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  #commit(changes: { statement: StatementSync; values: SQLInputValue[] }[]): boolean {
    try {
      this.#db.exec("BEGIN");
      for (const { statement, values } of changes) statement.run(...values);
      this.#db.exec("COMMIT");
      return true;
    } catch (error) {
      this.#failed = true;
      this.#onFailure(error);
      return false;
    }
  }
}

const SQLITE_BUSY = 5;

function openExclusively(file: string, directory: string): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    // Exclusive locking before WAL: the lock is the operating system's, so it ends with the process, even by kill -9,
    // and SQLite keeps the WAL index on its heap instead of in a shared file.
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE");
    const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
    if (version > SCHEMA_VERSION)
      throw new Error(`${file} was written by a newer version (schema ${version}); use that one.`);
    if (version === 0) db.exec(SCHEMA);
    if (version === 1) db.exec("ALTER TABLE queue ADD COLUMN description TEXT");
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    db.exec("COMMIT; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000");
    return db;
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY)
      throw new Error(
        `The data directory ${directory} is in use by another Service Bus broker. Stop that one or choose another directory.`,
      );
    throw error;
  }
}
