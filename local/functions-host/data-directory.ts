import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readIfThere } from "../private-files.ts";
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
  const store = openStore(path.join(directory, "host.db"), pidFile);
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

function openStore(file: string, pidFile: string): Store {
  try {
    return new Store(file);
  } catch (error) {
    if (!String(error).includes("database is locked")) throw error;
    const owner = readIfThere(pidFile) ?? "(unknown)";
    throw new Error(`${file} is in use by process ${owner}: each host needs its own directory`);
  }
}
