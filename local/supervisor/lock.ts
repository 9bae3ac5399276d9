import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CommandError } from "./command-error.ts";

const SQLITE_BUSY = 5;
/** A database that nobody refers to is closed by the garbage collector, and the lock with it. */
const held = new Set<DatabaseSync>();

export interface Lock {
  /** Releasing twice does no harm. */
  release(): void;
}

/**
 * Makes this process the only command that works on the data folder. The lock is the exclusive lock of an empty SQLite
 * database, because the operating system takes it back when the process ends, however it ends: there are no stale locks.
 * `holder` is what the command calls itself ("npm start"), for the message that the second one gets.
 */
export function lockFolder(folder: string, holder: string): Lock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const note = join(folder, "lock.json");
  const database = new DatabaseSync(join(folder, "lock.db"), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new CommandError(
      `${describeHolder(note)} works on the data folder ${folder} already.`,
      "Wait until it has finished or stop it (Ctrl-C), or give this command its own folder with --data.",
    );
  }
  held.add(database);
  const started = new Date().toISOString();
  writeFileSync(note, `${JSON.stringify({ holder, pid: process.pid, started })}\n`);
  return {
    release() {
      if (!database.isOpen) return;
      rmSync(note, { force: true });
      held.delete(database);
      database.close();
    },
  };
}

function describeHolder(note: string): string {
  try {
    const { holder, pid, started } = JSON.parse(readFileSync(note, "utf8"));
    return `"${holder}" (process ${pid}, since ${started})`;
  } catch {
    return "Another command"; // It is just starting or just ending: its note is not there.
  }
}
