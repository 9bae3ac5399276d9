import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Store } from "./durable/store.ts";

export interface DataDirectory {
  store: Store;
  keysFile: string;
  close(): void;
}

/** Opens the data directory of a host; throws if another host process has it. */
export function openDataDirectory(directory: string): DataDirectory {
  mkdirSync(directory, { recursive: true });
  // The lock is the database's own, so it ends with the process; this file only names the owner.
  const pidFile = path.join(directory, "host.pid");
  let store: Store;
  try {
    store = new Store(path.join(directory, "host.db"));
  } catch (error) {
    if (!String(error).includes("database is locked")) throw error;
    throw new Error(
      `${directory} is in use by ${readOwner(pidFile)}: every host needs a data directory of its own`,
    );
  }
  writeFileSync(pidFile, String(process.pid));
  return {
    store,
    keysFile: path.join(directory, "keys.json"),
    close() {
      store.close();
      rmSync(pidFile, { force: true });
    },
  };
}

function readOwner(pidFile: string): string {
  try {
    return `process ${readFileSync(pidFile, "utf8")}`;
  } catch {
    return "another process";
  }
}
