import { utimesSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { type ItemStore, parentOf } from "../record/item-store.ts";
import { diskPath, lookAt } from "../record/library-folder.ts";
import type { Library } from "../sites.ts";
import type { Place } from "./places.ts";

/** Remembers which folders a job writes into: each write changes the folder's own time, which is not what was imported. */
export function folderTimes(items: ItemStore) {
  const touched = new Map<string, { library: Library; path: string }>();
  const touch = (library: Library, path: string) => {
    if (path !== "") touched.set(`${library.listId}:${path}`, { library, path });
  };

  return {
    /** An item was written: its parent has changed, and a folder is new itself. */
    written(kind: "file" | "folder", { library, path }: Place): void {
      touch(library, parentOf(path));
      if (kind === "folder") touch(library, path);
    },
    /** Gives the folders the times of the record, the deepest first. Returns what went wrong, in words. */
    async restore(): Promise<string[]> {
      const problems: string[] = [];
      const depth = (path: string) => path.split("/").length;
      const deepestFirst = [...touched.values()].sort((a, b) => depth(b.path) - depth(a.path));
      for (const { library, path } of deepestFirst) {
        const modified = items.byPath(library.listId, path)?.modified;
        if (!modified) continue;
        const time = new Date(modified);
        await utimes(diskPath(library, path), time, time).catch((error: Error) => {
          problems.push(`The time of folder ${path} cannot be set: ${error.message}`);
        });
      }
      return problems;
    },
  };
}

/**
 * Gives every folder of a library the time of the record. A job that was killed has changed the times of folders it wrote into,
 * and may not get as far again.
 */
export function restoreAllFolderTimes(items: ItemStore, library: Library): void {
  for (const { kind, path, modified } of items.all(library.listId)) {
    if (kind !== "folder" || modified === null || !lookAt(library, path)) continue;
    const time = new Date(modified);
    utimesSync(diskPath(library, path), time, time);
  }
}
