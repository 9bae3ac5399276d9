import { randomUUID } from "node:crypto";
import { lstatSync, rmdirSync, rmSync, type Stats } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Faults } from "../faults.ts";
import type { Library } from "../sites.ts";
import { transact } from "./database.ts";
import { type ItemStore, parentOf, pathKey } from "./item-store.ts";
import type { RecycleBin } from "./recycle-bin.ts";

/** Folder in the root of a library for files that are being written; it is no item, and gone when nothing is imported. */
export const TEMPORARY_FOLDER = ".~import";

export type LibraryFolders = ReturnType<typeof libraryFolders>;

export function diskPath(library: Library, path: string): string {
  return join(library.folder, path);
}

/**
 * Keeps the record in step with folders that other programs may have filled or emptied: what lies on disk and is not
 * recorded is adopted as an existing item with a fresh id, what is recorded and gone from disk is forgotten.
 */
export function libraryFolders(
  database: DatabaseSync,
  items: ItemStore,
  bin: RecycleBin,
  faults: () => Faults,
) {
  /** Folders that were compared with the disk since the start, as "list id:path". */
  const compared = new Set<string>();

  function adopt(library: Library, path: string, stats: Stats): void {
    items.insert(library, {
      id: randomUUID(),
      kind: stats.isDirectory() ? "folder" : "file",
      ...{ path, state: "present", origin: "adopted", jobId: null },
      size: stats.isDirectory() ? 0 : stats.size,
      created: stats.birthtime.toISOString(),
      modified: stats.mtime.toISOString(),
    });
  }

  /** Compares one folder with the disk. Every decision looks at the disk again, since jobs run meanwhile. */
  async function compare(library: Library, path: string): Promise<void> {
    const names = await readdir(diskPath(library, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
      throw error;
    });
    const onDisk = new Map(
      names
        .filter((name) => path !== "" || name !== TEMPORARY_FOLDER)
        .map((name) => (path === "" ? name : `${path}/${name}`))
        .map((child) => [pathKey(child), child] as const),
    );
    transact(database, () => {
      for (const known of items.namesIn(library.listId, path)) {
        if (onDisk.delete(pathKey(known.path)) || known.state === "claimed") continue;
        if (lookAt(library, known.path)) continue;
        if (faults().recycleBinConflict) bin.add(library, known.path);
        else items.dropTree(library.listId, known.path);
      }
      for (const child of onDisk.values()) {
        const stats = lookAt(library, child);
        if (stats && !items.byPath(library.listId, child)) adopt(library, child, stats);
      }
    });
    compared.add(`${library.listId}:${pathKey(path)}`);
  }

  return {
    compare,
    /** Compares the folder and the ones above it with the disk, each once in the life of the process. */
    async compareOnce(library: Library, path: string): Promise<void> {
      if (compared.has(`${library.listId}:${pathKey(path)}`)) return;
      if (path !== "") await this.compareOnce(library, parentOf(path));
      await compare(library, path);
    },
    /** Adopts a file or folder that appeared on disk after its folder was compared. */
    adoptIfOnDisk(library: Library, path: string): boolean {
      const stats = lookAt(library, path);
      if (stats) adopt(library, path, stats);
      return stats !== undefined;
    },
  };
}

const temporaryFolder = (library: Library) => join(library.folder, TEMPORARY_FOLDER);

/** What a killed process left half written. Only for a start, when nobody writes. */
export function removeTemporaryFiles(library: Library): void {
  rmSync(temporaryFolder(library), { recursive: true, force: true });
}

export function removeEmptyTemporaryFolder(library: Library): void {
  try {
    rmdirSync(temporaryFolder(library));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
  }
}

/** The file or folder at the path; undefined if there is none, or a link or device, which are no items. */
export function lookAt(library: Library, path: string): Stats | undefined {
  try {
    const stats = lstatSync(diskPath(library, path), { throwIfNoEntry: false });
    return stats && (stats.isFile() || stats.isDirectory()) ? stats : undefined;
  } catch (error) {
    // A name the disk cannot have is not there; writing it will say so.
    if (["ENAMETOOLONG", "ENOTDIR", "EINVAL"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}
