import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  opendirSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CommandError } from "../../local/supervisor/command-error.ts";
import { freeBytes, refuseFullDisk } from "./disk-guard.ts";

export interface Folders {
  source: string;
  library: string;
  data: string;
  /** The source is the sample share, which lies in the data folder on purpose. */
  sample?: boolean;
}

/**
 * Finds out what would go wrong before anything is started, makes the library and data folders, and returns the real paths.
 * Throws a CommandError for the first thing that does not fit. The source is only looked at.
 */
export function preflight(
  { source, library, data, sample = false }: Folders,
  free = freeBytes,
): Folders {
  refuseOddSource(source);
  const folders = {
    source: realPath(source),
    library: reachable("library", library),
    data: reachable("data", data),
  };
  refuseNested(folders, sample);
  makeWritable(folders.data, "data", "Choose another one with --data.");
  makeWritable(folders.library, "library", "Choose a folder that you may write to.");
  for (const name of ["library", "data"] as const) refuseFullDisk(name, folders[name], free);
  return folders;
}

function refuseOddSource(source: string): void {
  try {
    if (!statSync(source).isDirectory()) {
      throw new CommandError(
        `The source ${source} is not a folder.`,
        "Name the folder whose contents are to be migrated.",
      );
    }
    opendirSync(source).closeSync();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof CommandError) throw error;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new CommandError(
        `The source folder ${source} does not exist.`,
        "Check the spelling; put a path with spaces in quotes.",
      );
    }
    throw new CommandError(
      `The source folder ${source} cannot be read: ${message}`,
      "Give your account read access to it, or run this as somebody who has.",
    );
  }
}

function refuseNested({ source, library, data }: Folders, sample: boolean): void {
  if (contains(source, library)) {
    const same = contains(library, source);
    throw new CommandError(
      same
        ? `The source and the library are the same folder, ${source}.`
        : `The library ${library} lies inside the source ${source}: it would be migrated into itself.`,
      "Choose a library folder outside the source.",
    );
  }
  if (contains(library, source)) {
    throw new CommandError(
      `The source ${source} lies inside the library ${library}.`,
      "Choose a library folder that does not contain the source.",
    );
  }
  if (sample) return;
  for (const [name, folder] of [
    ["source", source],
    ["library", library],
  ] as const) {
    if (contains(folder, data)) {
      throw new CommandError(
        `The data folder ${data} lies inside the ${name} ${folder}.`,
        "Choose a data folder outside of it with --data.",
      );
    }
  }
  if (contains(data, source)) {
    throw new CommandError(
      `The source ${source} lies inside the data folder ${data}, which this command writes to.`,
      "Choose another source, or another data folder with --data.",
    );
  }
}

/** Whether `inner` is `outer` or lies below it; compared by what the folders are, not by how their paths are spelled. */
function contains(outer: string, inner: string): boolean {
  const wanted = identity(outer);
  for (let folder = inner; ; folder = dirname(folder)) {
    if (folder === outer || (wanted !== undefined && identity(folder) === wanted)) return true;
    if (folder === dirname(folder)) return false;
  }
}

function identity(folder: string): string | undefined {
  const stats = statSync(folder, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}

function reachable(name: string, folder: string): string {
  try {
    return realPath(folder);
  } catch (error) {
    throw new CommandError(
      `The ${name} folder ${folder} cannot be reached: ${(error as Error).message}.`,
      "Choose a folder that you may write to.",
    );
  }
}

/** The path without links, also for a folder that is yet to be made. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === path) throw error;
    return join(realPath(parent), basename(path));
  }
}

/** Gone again before anything is started that could take it for an item. */
const PROBE = ".longshore-probe-";

function makeWritable(folder: string, name: string, remedy: string): void {
  try {
    makeFolder(folder, name === "data" ? 0o700 : 0o777);
    rmSync(mkdtempSync(join(folder, PROBE)), { recursive: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC") refuseFullDisk(name, dirname(folder), () => 0);
    const problem =
      code === "EEXIST" || code === "ENOTDIR"
        ? "is not a folder"
        : `cannot be written to: ${message}`;
    throw new CommandError(`The ${name} folder ${folder} ${problem}.`, remedy);
  }
}

/** Like mkdir -p. Node's own recursive mkdir never returns where a file system refuses with ENOENT, as /proc does. */
function makeFolder(folder: string, mode: number): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder), mode);
  mkdirSync(folder, { mode });
}
