import { isUtf8 } from "node:buffer";
import { hash } from "node:crypto";
import { readdir } from "node:fs/promises";
import type { NameMapping } from "../../shared/rules/destinationName.ts";
import { caseKey } from "../../shared/rules/paths.ts";

/** A path as the file system is asked for it: bytes where a name on the way is not valid UTF-8. */
export type SystemPath = string | Buffer;

/** The names of one folder, in walk order. */
export interface Directory {
  readonly length: number;
  /** The name as reports show it. */
  name(index: number): string;
  /** Undefined for a valid name. */
  rawName(index: number): Buffer | undefined;
  /** Undefined for a name that the item will have to itself at the destination. */
  contest(index: number): Contest | undefined;
}

/** Several names of a folder become one at the destination, where case does not tell them apart. */
export interface Contest {
  key: string;
  /** The name is another one at the destination. */
  isRenamed: boolean;
  /** A name that stays as it is goes before one that is changed. */
  yields: boolean;
}

/**
 * Lists a folder. Names are read as latin1, one character per byte, because decoding as UTF-8 would lose the bytes of names
 * that are none, and because such strings sort by themselves in the byte order that `comparePaths` demands.
 */
export async function listDirectory(
  path: SystemPath,
  mapName: NameMapping = (name) => name,
): Promise<Directory> {
  const keys = await readdir(path, { encoding: "latin1" });
  const raw = replaceInvalid(keys);
  keys.sort();
  const contests = findContests(keys, raw, mapName);
  const name = (index: number) => decode(keys[index] as string);
  return {
    length: keys.length,
    name,
    rawName: (index) => raw.get(keys[index] as string),
    contest(index) {
      if (contests.size === 0) return undefined;
      const own = name(index);
      const mapped = mapName(own);
      const key = caseKey(mapped);
      const hasNatural = contests.get(key);
      if (hasNatural === undefined) return undefined;
      const isRenamed = mapped !== own;
      return { key, isRenamed, yields: isRenamed && hasNatural };
    },
  };
}

export function joinSystemPath(folder: SystemPath, name: string, raw?: Buffer): SystemPath {
  if (raw === undefined && typeof folder === "string") return `${folder}/${name}`;
  return Buffer.concat([Buffer.from(folder), SLASH, raw ?? Buffer.from(name)]);
}

const SLASH = Buffer.from("/");
const ASCII = /^[\0-\x7f]*$/;

const decode = (key: string): string =>
  ASCII.test(key) ? key : Buffer.from(key, "latin1").toString("utf8");

const encode = (name: string): string => Buffer.from(name, "utf8").toString("latin1");

/** Puts a readable, unique name in the place of every name that is not UTF-8; returns the bytes behind each. */
function replaceInvalid(keys: string[]): Map<string, Buffer> {
  const raw = new Map<string, Buffer>();
  let known: Set<string> | undefined;
  for (const [index, key] of keys.entries()) {
    if (ASCII.test(key)) continue;
    const bytes = Buffer.from(key, "latin1");
    if (isUtf8(bytes)) continue;
    known ??= new Set(keys);
    const replacement = encode(readableName(bytes, known));
    known.add(replacement);
    raw.set(replacement, bytes);
    keys[index] = replacement;
  }
  return raw;
}

/** Depends on nothing but the bytes, so that every walk gives the item the same path. */
function readableName(bytes: Buffer, taken: ReadonlySet<string>): string {
  const digest = hash("sha256", bytes, "hex");
  for (let digits = 8; ; digits += 8) {
    const name = `${bytes.toString("utf8")}~${digest.slice(0, digits)}`;
    if (!taken.has(encode(name)) || digits >= digest.length) return name;
  }
}

/**
 * Keys that several names share, and whether one of them stays as it is at the destination. A name that is not Unicode never
 * gets there, so it contests nobody's.
 */
function findContests(
  keys: readonly string[],
  raw: ReadonlyMap<string, Buffer>,
  mapName: NameMapping,
): Map<string, boolean> {
  const natural = new Map<string, boolean>();
  const contests = new Map<string, boolean>();
  for (const key of keys) {
    if (raw.has(key)) continue;
    const name = decode(key);
    const mapped = mapName(name);
    const folded = caseKey(mapped);
    const before = natural.get(folded);
    const hasNatural = (before ?? false) || mapped === name;
    natural.set(folded, hasNatural);
    if (before !== undefined) contests.set(folded, hasNatural);
  }
  return contests;
}
