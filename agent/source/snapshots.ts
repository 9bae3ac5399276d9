import { constants } from "node:fs";
import { access, lstat, readdir, realpath } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Log } from "../log.ts";
import type { SystemPath } from "./directory.ts";
import { describeFault, faultCode } from "./problems.ts";
import { isWithin, realRoots } from "./root.ts";

/** The task's source as it was when a snapshot of the share was taken. */
export interface Snapshot {
  /** The name of the snapshot's folder. */
  name: string;
  /** Real path of the source in it. */
  path: string;
}

export interface FoundSnapshots {
  /** Where they are, as a pattern: "/srv/share/.snapshot/*". */
  place: string;
  snapshots: Snapshot[];
  /** Their names are numbers that grow. */
  numbered: boolean;
}

/**
 * The snapshots of one source. They are looked for in the source and in the folders above it, nearest first and not beyond
 * the agent's source roots; only the nearest place counts that has the source in any snapshot.
 */
export interface Snapshots {
  /** In no order. Undefined when there are none. One that cannot be read is logged and left out. */
  find(): Promise<FoundSnapshots | undefined>;
  /** The one of this name. */
  named(name: string): Promise<Snapshot | undefined>;
}

/** Snapper numbers its snapshots as it takes them. */
const SNAPPER = ".snapshots/*/snapshot";

/** NetApp over NFS and over SMB, ZFS, snapper. */
const USUAL = [".snapshot/*", "~snapshot/*", ".zfs/snapshot/*", SNAPPER];

/** Snapshots that are opened at the same time: a file server may mount each one for it. */
const OPENINGS = 16;

/** A pattern around its "*". */
interface Pattern {
  numbered: boolean;
  before: readonly string[];
  after: readonly string[];
}

/** Folders whose names are those of snapshots, and the source within each snapshot. */
interface Place {
  numbered: boolean;
  shelf: string;
  inside: string;
}

/**
 * `folder`: a pattern as in the setting snapshotFolder; without it the usual places are looked at. Throws LongshoreError when
 * it could lead anywhere but downwards.
 */
export function openSnapshots(
  root: string,
  { roots, folder, log }: { roots: readonly string[]; folder?: string | undefined; log: Log },
): Snapshots {
  const patterns = (folder === undefined ? USUAL : [folder]).map(parsePattern);
  let known: Promise<Place[]> | undefined;
  const places = () =>
    (known ??= placesOf(root, roots, patterns).catch((error: unknown) => {
      // The share may be back the next time.
      known = undefined;
      throw error;
    }));

  async function usable({ shelf, inside }: Place, name: string): Promise<Snapshot | undefined> {
    const path = join(shelf, name, inside);
    try {
      if (!(await isRealFolder(path))) return undefined;
      await access(path, constants.R_OK | constants.X_OK);
      return { name, path };
    } catch (error) {
      log.warn({ snapshot: path, fault: describeFault(error) }, "a snapshot cannot be read");
      return undefined;
    }
  }

  async function namesOn(shelf: string): Promise<string[]> {
    try {
      return (await isRealFolder(shelf)) ? await readdir(shelf) : [];
    } catch (error) {
      log.warn({ folder: shelf, fault: describeFault(error) }, "snapshots cannot be listed");
      return [];
    }
  }

  return {
    async find() {
      for (const place of await places()) {
        const names = await namesOn(place.shelf);
        const snapshots: Snapshot[] = [];
        for (let at = 0; at < names.length; at += OPENINGS) {
          const some = names.slice(at, at + OPENINGS).map((name) => usable(place, name));
          for (const snapshot of await Promise.all(some)) if (snapshot) snapshots.push(snapshot);
        }
        if (snapshots.length > 0)
          return {
            ...{ place: join(place.shelf, "*", place.inside), snapshots },
            numbered: place.numbered,
          };
      }
      return undefined;
    },
    async named(name) {
      if (!isOneName(name)) return undefined;
      for (const place of await places()) {
        const snapshot = await usable(place, name);
        if (snapshot) return snapshot;
      }
      return undefined;
    },
  };
}

/** Names and one "*" that is not the first, as the setting demands it: without "..", nothing but links leads upwards. */
function parsePattern(text: string): Pattern {
  const names = text.split("/");
  const star = names.indexOf("*");
  const before = names.slice(0, star);
  const after = names.slice(star + 1);
  if (star > 0 && [...before, ...after].every(isName))
    return { numbered: text === SNAPPER, before, after };
  throw new LongshoreError(
    "SOURCE_NOT_ALLOWED",
    `"${text}" is no pattern for a folder of snapshots such as ".snapshot/*"`,
  );
}

const isName = (name: string): boolean => isOneName(name) && !/[*:\p{Cc}]/u.test(name);

/** Snapshots may be called what they like, such as "autosnap_2026-03-01_03:00:01_hourly". */
const isOneName = (name: string): boolean => !/^\.{0,2}$|[/\\]/.test(name);

async function placesOf(
  root: string,
  roots: readonly string[],
  patterns: readonly Pattern[],
): Promise<Place[]> {
  const places: Place[] = [];
  for await (const base of basesOf(root, roots))
    for (const { numbered, before, after } of patterns)
      places.push({
        ...{ numbered, shelf: join(base, ...before) },
        inside: join(...after, relative(base, root)),
      });
  return places;
}

/** The source and the folders above it. A snapshot ends where its file system does, so there is nothing beyond that. */
async function* basesOf(root: string, roots: readonly string[]): AsyncGenerator<string> {
  const allowed = await realRoots(roots);
  const { dev } = await lstat(root);
  for (let base = root; ; base = dirname(base)) {
    if (roots.length > 0 && !allowed.some((each) => isWithin(base, each))) return;
    if ((await lstat(base)).dev !== dev) return;
    yield base;
    if (dirname(base) === base) return;
  }
}

/**
 * False for what is not there, and for what a link leads to: anybody who may write to the share can make a link. ELOOP is
 * thrown: a snapshot of ZFS that cannot be mounted says so, too.
 */
async function isRealFolder(path: string): Promise<boolean> {
  try {
    return (await realpath(path)) === path && (await lstat(path)).isDirectory();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(faultCode(error) ?? "")) return false;
    throw error;
  }
}

const USUAL_PATTERNS = USUAL.map(parsePattern);

/**
 * Whether a folder of a source is one of the usual folders of snapshots, and not just called like one as far as its inside
 * tells: those of NetApp have nothing but their name.
 */
export async function holdsSnapshots(folder: SystemPath, name: string): Promise<boolean> {
  if (typeof folder !== "string") return false;
  for (const { before, after } of USUAL_PATTERNS) {
    if (before[0] !== name) continue;
    const shelf = join(folder, ...before.slice(1));
    if (after.length === 0) return isThere(shelf);
    const names = await readdir(shelf).catch(() => []);
    for (const each of names) if (await isThere(join(shelf, each, ...after))) return true;
  }
  return false;
}

const isThere = (path: string): Promise<boolean> => isRealFolder(path).catch(() => true);

/** The folder of a source in which `folder` says that snapshots are. */
export const shelfOf = (folder: string): string => parsePattern(folder).before.join("/");
