import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { contentHash, type Found, walk } from "../tree.ts";

/*
 * What ought to become of every item, kept beside the product and without any of its code: sources and libraries as the file
 * system has them, the settings as their page describes them, and what has arrived so far.
 */

export interface Rules {
  migrateHidden?: false;
  excludeFolders?: readonly string[];
  excludeNames?: RegExp;
  excludeExtensions?: readonly string[];
}

export interface Expected {
  item: Found;
  result: "migrated" | "skipped" | "failed";
  /** Why it was not migrated. */
  code: string;
}
/** By path below the source. */
export type Expectation = Map<string, Expected>;

export interface Amount {
  items: number;
  bytes: number;
}
export interface Totals {
  scanned: Amount & { files: number; folders: number };
  migrated: Amount;
  skipped: Amount;
  failed: Amount;
}

interface Arrived extends Found {
  hash: string;
  /** A later round has put something into the folder, and a file system notes that in the folder's time. */
  isOpened?: true;
}

export interface Books {
  readonly source: string;
  /** What a round that began now would do with the source as it is now. */
  expect(rules: Rules, more?: { troubles?: ReadonlyMap<string, string> }): Expectation;
  /** What a round that was cancelled has done: what is in the library is migrated, and the rest is not. */
  expectCancelled(rules: Rules): Expectation;
  /** Notes what a round has brought. */
  enter(expectation: Expectation): void;
  /** What of the library is not as it was brought, by path; empty when all is well. */
  problems(): Record<string, string>;
}

/** Opens the books of one task. `library`: the folder that it migrates to. */
export function openBooks(source: string, library: string): Books {
  const arrived = new Map<string, Arrived>();

  const isUnchanged = ({ path, kind, modified, size }: Found): boolean => {
    const before = arrived.get(path);
    if (!before || before.kind !== kind) return false;
    if (kind === "folder" || modified < before.modified) return true;
    return modified === before.modified && size === before.size;
  };

  return {
    source,
    expect(rules, { troubles = new Map() } = {}) {
      return judge(source, rules, (item) => {
        const trouble = troubles.get(item.path);
        if (trouble) return ["failed", trouble];
        return isUnchanged(item) ? ["skipped", "UNCHANGED"] : ["migrated", ""];
      });
    },
    expectCancelled(rules) {
      const there = walk(library);
      return judge(source, rules, ({ path }) =>
        there.has(path) ? ["migrated", ""] : ["skipped", "CANCELLED"],
      );
    },
    enter(expectation) {
      for (const { item, result } of expectation.values()) {
        if (result !== "migrated") continue;
        const above = arrived.get(dirname(item.path));
        if (above) above.isOpened = true;
      }
      for (const { item, result } of expectation.values()) {
        if (result !== "migrated") continue;
        const hash = item.kind === "file" ? contentHash(item.full) : "";
        arrived.set(item.path, { ...item, hash });
      }
    },
    problems() {
      const there = walkIfThere(library);
      const found: Record<string, string> = {};
      for (const [path, { hash, kind, modified, isOpened }] of arrived) {
        const item = there.get(path);
        there.delete(path);
        if (item?.kind !== kind) found[path] = item ? `is a ${item.kind}` : "is missing";
        else if (kind === "file" && contentHash(item.full) !== hash) found[path] = "other content";
        else if (item.modified !== modified && !isOpened)
          found[path] = `modified ${item.modified}, not ${modified}`;
      }
      for (const path of there.keys()) found[path] = "nobody brought it";
      return found;
    },
  };
}

const walkIfThere = (folder: string) =>
  existsSync(folder) ? walk(folder) : new Map<string, Found>();

/** Asks for every item that neither a setting nor its kind leaves out. */
function judge(
  source: string,
  rules: Rules,
  ask: (item: Found) => [Expected["result"], string],
): Expectation {
  const items = walk(source);
  return new Map(
    [...items].map(([path, item]): [string, Expected] => {
      const code = leftOut(path, items, rules);
      if (code) return [path, { item, result: "skipped", code }];
      const [result, why] = ask(item);
      return [path, { item, result, code: why }];
    }),
  );
}

/** The setting that leaves an item out, or the topmost folder that it is in. */
function leftOut(path: string, items: ReadonlyMap<string, Found>, rules: Rules): string {
  const names = path.split("/");
  for (const depth of names.keys()) {
    const above = items.get(names.slice(0, depth + 1).join("/")) as Found;
    const code = ruledOut(names[depth] as string, above.kind, rules);
    if (code) return code;
  }
  return items.get(path)?.kind === "link" ? "SYMBOLIC_LINK" : "";
}

function ruledOut(name: string, kind: Found["kind"], rules: Rules): string {
  const { migrateHidden, excludeFolders = [], excludeNames, excludeExtensions = [] } = rules;
  if (migrateHidden === false && name.startsWith(".")) return "FILTERED_HIDDEN";
  if (kind === "folder" && excludeFolders.includes(name.toLowerCase())) return "FILTERED_FOLDER";
  if (excludeNames?.test(name)) return "FILTERED_NAME";
  const [, extension = ""] = /[^.].*\.([^.]+)$/.exec(name) ?? [];
  if (kind === "file" && excludeExtensions.includes(extension.toLowerCase()))
    return "FILTERED_EXTENSION";
  return "";
}

export function totalsOf(expectation: Expectation): Totals {
  const all = [...expectation.values()];
  const amount = (some: readonly Expected[]): Amount => ({
    items: some.length,
    bytes: some.reduce((sum, { item }) => sum + item.size, 0),
  });
  const withResult = (wanted: string) => amount(all.filter(({ result }) => result === wanted));
  const kinds = (wanted: string) => all.filter(({ item }) => item.kind === wanted).length;
  return {
    scanned: { ...amount(all), files: kinds("file"), folders: kinds("folder") },
    migrated: withResult("migrated"),
    skipped: withResult("skipped"),
    failed: withResult("failed"),
  };
}

/** Paths by what becomes of them: "migrated", or the code. */
export function byFate(expectation: Expectation): Record<string, string[]> {
  const fates: Record<string, string[]> = {};
  for (const [path, { result, code }] of expectation) {
    const fate = code || result;
    fates[fate] = [...(fates[fate] ?? []), path].sort();
  }
  return fates;
}
