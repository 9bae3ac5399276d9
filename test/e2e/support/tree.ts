import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { type BigIntStats, closeSync, lstatSync, openSync, readdirSync, readSync } from "node:fs";

/** One item below a folder, as the file system has it. */
export interface Found {
  /** Relative, "/" between names; names that are no text as reports show them. */
  path: string;
  /** For the file system, which knows bytes only. */
  full: Buffer;
  kind: "file" | "folder" | "link" | "special";
  size: number;
  /** Whole seconds since 1970, rounded down. */
  modified: number;
  created: number;
}

const SLASH = Buffer.from("/");

/** Everything below `root` but `root` itself, by path. Folders for which `enter` says no are not looked into. */
export function walk(root: string, enter: (path: string) => boolean = () => true) {
  const found = new Map<string, Found>();
  const visit = (folder: Buffer, above: string) => {
    for (const name of readdirSync(folder, { encoding: "buffer" })) {
      const full = Buffer.concat([folder, SLASH, name]);
      const path = above === "" ? shown(name) : `${above}/${shown(name)}`;
      const item = describe(path, full);
      if (found.has(path)) throw new Error(`two items are shown as ${path}`);
      found.set(path, item);
      if (item.kind === "folder" && enter(path)) visit(full, path);
    }
  };
  visit(Buffer.from(root), "");
  return found;
}

/** Names that are not UTF-8 are shown with replacement characters and the beginning of the SHA-256 of their bytes. */
export function shown(name: Buffer): string {
  const text = name.toString("utf8");
  if (isUtf8(name)) return text;
  return `${text}~${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
}

function describe(path: string, full: Buffer): Found {
  const stats = lstatSync(full, { bigint: true });
  const kind = kindOf(stats);
  const size = kind === "file" ? Number(stats.size) : 0;
  // File systems without a birth time say 0.
  const born = stats.birthtimeNs > 0n ? stats.birthtimeNs : stats.mtimeNs;
  return { path, full, kind, size, modified: seconds(stats.mtimeNs), created: seconds(born) };
}

function kindOf(stats: BigIntStats): Found["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "folder";
  return stats.isSymbolicLink() ? "link" : "special";
}

const seconds = (nanoseconds: bigint) => Math.floor(Number(nanoseconds / 1_000_000n) / 1000);

/** SHA-256 of a file's content, read in pieces. */
export function contentHash(full: Buffer | string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  const file = openSync(full, "r");
  try {
    for (;;) {
      const count = readSync(file, buffer);
      if (count === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
}

/**
 * What differs between a source and a library, by path, for the items that ought to be there: missing, another kind, other
 * content, another modified time, or something that nobody migrated. Empty when nothing does.
 */
export function differences(
  expected: Iterable<Found>,
  library: ReadonlyMap<string, Found>,
): Record<string, string> {
  const problems: Record<string, string> = {};
  const extra = new Set(library.keys());
  for (const item of expected) {
    const { path } = item;
    const there = library.get(path);
    extra.delete(path);
    if (!there) problems[path] = "missing";
    else if (there.kind !== item.kind) problems[path] = `a ${there.kind}, not a ${item.kind}`;
    else if (there.modified !== item.modified)
      problems[path] = `modified ${there.modified}, not ${item.modified}`;
    else if (item.kind === "file" && !sameContent(item, there)) problems[path] = "other content";
  }
  for (const path of extra) problems[path] = "not in the source";
  return problems;
}

const sameContent = (a: Found, b: Found) =>
  a.size === b.size && contentHash(a.full) === contentHash(b.full);
