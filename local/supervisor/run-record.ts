import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { identify, type ProcessRecord } from "./orphans.ts";
import type { Part } from "./part.ts";

/**
 * The file that says what is running. It exists from the start of a run to its clean end: finding it at the next start
 * means that the last run was killed, and it names the processes that may still be there.
 */
export interface RunRecord {
  add(part: Part): void;
  remove(part: Part): void;
  /** The run ended with all stores in step. */
  markClean(): void;
}

/** What an earlier run left; undefined when it ended cleanly. */
export function readRunRecord(file: string): ProcessRecord[] | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return []; // A full disk cut it short: unclean it was, and which processes remain is not known.
  }
}

export function openRunRecord(file: string): RunRecord {
  const processes = new Map<number, ProcessRecord>();
  const save = () => {
    try {
      writeFileSync(`${file}.new`, JSON.stringify([...processes.values()], null, 2));
      renameSync(`${file}.new`, file);
    } catch (error) {
      // On a full disk the older record stays: it says "unclean" all the same, and what it names is verified before use.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  };
  save();
  return {
    add({ pid, definition: { name, script, stopSignal = "SIGTERM" } }) {
      const started = pid === undefined ? undefined : identify(pid)?.started;
      if (pid === undefined || started === undefined) return;
      processes.set(pid, { name, pid, started, script, stopSignal });
      save();
    },
    remove({ pid }) {
      if (pid !== undefined && processes.delete(pid)) save();
    },
    markClean: () => rmSync(file, { force: true }),
  };
}
