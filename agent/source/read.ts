import fs, { constants } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Issue } from "../../shared/contracts/inventory.ts";
import { contentIssue } from "./problems.ts";
import { isWithin } from "./root.ts";

// Plain descriptors: a FileHandle costs about as much again per file, and there may be millions.
const open = promisify(fs.open);
const fstat = promisify(fs.fstat);
const read = promisify(fs.read);
const close = promisify(fs.close);

/** One file cannot be read, or not as it was. */
export class SourceProblem extends Error {
  override readonly name = "SourceProblem";
  readonly issue: Issue;

  constructor(issue: Issue) {
    super(issue.message);
    this.issue = issue;
  }

  /** Whether reading the file once more may go better. */
  get passing(): boolean {
    return this.issue.code === "FILE_CHANGED" || this.issue.code === "SOURCE_READ_FAILED";
  }
}

/** An open file. `size` and `modified` (ms since 1970) are of the moment it was opened. */
export interface SourceFile {
  readonly size: number;
  readonly modified: number;
  /** Fills `buffer` from `position` on; less than all of it is a FILE_CHANGED. */
  readFully(buffer: Uint8Array, position: number): Promise<void>;
  /** Throws FILE_CHANGED when size or modified time are no longer those of the opening. */
  checkUnchanged(): Promise<void>;
  close(): Promise<void>;
}

export interface SourceReader {
  /** Opens the regular file at `path`, relative to the root. All errors are SourceProblems. */
  open(path: string): Promise<SourceFile>;
}

/**
 * NOFOLLOW: a file that was replaced by a link is not followed out of the source. NONBLOCK: opening what has become a pipe
 * would otherwise wait for a writer for ever. Windows has neither, and needs neither.
 */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Reads files below `root` (a real path) for one work item. */
export function createReader(root: string): SourceReader {
  const folders = new Map<string, Promise<void>>();

  /** O_NOFOLLOW speaks of the last name only; a folder on the way may have become a link since the scan just as well. */
  function checkFolder(folder: string): Promise<void> {
    const known = folders.get(folder);
    if (known !== undefined) return known;
    const checked = realpath(folder).then((real) => {
      if (real === folder) return;
      throw new SourceProblem({ code: "FILE_CHANGED", message: "a folder above is a link now" });
    });
    folders.set(folder, checked);
    return checked;
  }

  return {
    async open(path) {
      const file = join(root, path);
      if (!isWithin(file, root))
        throw new SourceProblem({ code: "SOURCE_NOT_ALLOWED", message: "outside the source" });
      try {
        await checkFolder(dirname(file));
        return await openFile(await open(file, FLAGS));
      } catch (error) {
        throw asProblem(error);
      }
    },
  };
}

async function openFile(fd: number): Promise<SourceFile> {
  let first: fs.Stats;
  try {
    first = await fstat(fd);
    if (!first.isFile()) throw changed("it is no longer a regular file");
  } catch (error) {
    await close(fd);
    throw error;
  }
  return {
    size: first.size,
    modified: Math.floor(first.mtimeMs),
    async readFully(buffer, position) {
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await read(
          fd,
          buffer,
          filled,
          buffer.length - filled,
          position + filled,
        ).catch((error: unknown) => {
          throw asProblem(error);
        });
        if (bytesRead === 0) throw changed("it became shorter while it was read");
        filled += bytesRead;
      }
    },
    async checkUnchanged() {
      const now = await fstat(fd).catch((error: unknown) => {
        throw asProblem(error);
      });
      if (now.size !== first.size || now.mtimeMs !== first.mtimeMs)
        throw changed("its size or modified time changed while it was read");
    },
    close: () => close(fd),
  };
}

const changed = (message: string): SourceProblem =>
  new SourceProblem({ code: "FILE_CHANGED", message });

/** Whatever went wrong with a file, as a problem of that file. */
export const asProblem = (error: unknown): SourceProblem =>
  error instanceof SourceProblem ? error : new SourceProblem(contentIssue(error));
