import type { Version } from "../../shared/contracts/inventory.ts";
import {
  asProblem,
  createReader,
  type SourceFile,
  SourceProblem,
  type SourceReader,
} from "./read.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";

/** Reads older versions of files for one work item. */
export interface PastReader {
  /** Opens this version of the file at `path`, relative to the source. All errors are SourceProblems. */
  open(path: string, version: Version): Promise<SourceFile>;
}

/**
 * A version is known by its size and modified time; its snapshot is where it was seen last. Snapshots with names such as
 * "hourly.0" are renamed whenever a new one is taken, so what is not there any more is looked for in the others.
 */
export function createPastReader(snapshots: Snapshots): PastReader {
  const readers = new Map<string, SourceReader>();
  const named = new Map<string, Promise<Snapshot | undefined>>();
  let all: Promise<Snapshot[]> | undefined;

  function snapshotNamed(name: string): Promise<Snapshot | undefined> {
    const snapshot = named.get(name) ?? snapshots.named(name);
    named.set(name, snapshot);
    snapshot.catch(() => named.delete(name));
    return snapshot;
  }

  /** Undefined when the snapshot has no such file, or another version of it. */
  async function openIn(
    root: string,
    path: string,
    { size, modified }: Version,
  ): Promise<SourceFile | undefined> {
    const reader = readers.get(root) ?? createReader(root);
    readers.set(root, reader);
    let file: SourceFile;
    try {
      file = await reader.open(path);
    } catch (error) {
      if (error instanceof SourceProblem && ELSEWHERE.has(error.issue.code)) return undefined;
      throw error;
    }
    if (file.size === size && file.modified === modified) return file;
    await file.close();
    return undefined;
  }

  async function openAnywhere(path: string, version: Version): Promise<SourceFile> {
    const last = await snapshotNamed(version.snapshot);
    const file = last && (await openIn(last.path, path, version));
    if (file) return file;
    all ??= snapshots.find().then(
      (found) => found?.snapshots ?? [],
      (error: unknown) => {
        all = undefined;
        throw error;
      },
    );
    for (const snapshot of await all) {
      // The one that has it may be readable where this one is not.
      const other = await openIn(snapshot.path, path, version).catch(() => undefined);
      if (other) return other;
    }
    throw new SourceProblem({ code: "FILE_VANISHED", message: "no snapshot has it any more" });
  }

  return {
    open: (path, version) =>
      openAnywhere(path, version).catch((error: unknown) => {
        throw asProblem(error);
      }),
  };
}

const ELSEWHERE = new Set(["FILE_VANISHED", "FILE_CHANGED"]);
