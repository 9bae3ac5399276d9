import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** When files were modified unless a test says otherwise. */
export const THEN = new Date("2024-03-01T12:00:00Z");

/** A folder on disk and what lies below it: a share to migrate, or what has become of it. */
export interface FileTree {
  path: string;
  at(path: string): string;
  /** Writes files by their paths, and the folders above them. */
  put(files: Record<string, string>, modified?: Date): void;
  /** Every file with its content, by its path; none where the folder is missing. */
  files(): Record<string, string>;
}

export const fileTree = (path: string): FileTree => ({
  path,
  at: (below) => join(path, below),
  put(files, modified = THEN) {
    for (const [below, content] of Object.entries(files)) {
      const full = join(path, below);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content);
      utimesSync(full, modified, modified);
    }
  },
  files() {
    if (!existsSync(path)) return {};
    const found: Record<string, string> = {};
    for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const full = join(entry.parentPath, entry.name);
      found[full.slice(path.length + 1)] = readFileSync(full, "utf8");
    }
    return found;
  },
});

/** So many files with a line of their own, every other one in a folder. */
export const numberedFiles = (count: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`${n % 2 ? "a/" : ""}${n}.txt`, `file ${n}`]),
  );
