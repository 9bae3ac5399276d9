import { lstat as lstatCallback, type Stats } from "node:fs";
import { promisify } from "node:util";
import type { InventoryEntry, Issue, Version } from "../../shared/contracts/inventory.ts";
import type { Access } from "../../shared/contracts/people.ts";
import {
  type NameMapping,
  type NameSettings,
  nameMapping,
} from "../../shared/rules/destinationName.ts";
import { comparePaths, joinPath } from "../../shared/rules/paths.ts";
import { checkTime } from "../../shared/rules/times.ts";
import { type Directory, joinSystemPath, listDirectory, type SystemPath } from "./directory.ts";
import type { Past } from "./past.ts";
import { isSameAccess, type OwnershipOf } from "./people.ts";
import { metadataIssue } from "./problems.ts";
import { unusable } from "./root.ts";
import { holdsSnapshots } from "./snapshots.ts";

// Half the cost of its fs/promises twin, which matters a million times.
const lstat = promisify(lstatCallback);

/** A folder that the walk is in. */
export interface OpenFolder {
  entry: InventoryEntry;
  parent: OpenFolder | undefined;
}

export interface WalkItem {
  entry: InventoryEntry;
  /** The folder it is in; undefined at the root. */
  parent: OpenFolder | undefined;
}

export interface WalkOptions {
  /** Only what comes after this path. Folders that end before it are not listed. */
  after?: string | undefined;
  /** How names change on their way; without it they do not. */
  names?: NameSettings | undefined;
  /** Tells owners and access rights; without it entries have none. */
  ownershipOf?: OwnershipOf | undefined;
  /** What the source was before; without it entries have no older versions. */
  past?: Past | undefined;
  /** Path of a folder of snapshots that is not one of the usual. */
  snapshotFolder?: string | undefined;
  signal: AbortSignal;
}

/** How many entries of a folder are looked at ahead of the one that is due; a file share answers slowly, but many at once. */
const LOOKAHEAD = 64;

/**
 * Everything below `root`, depth first, in the order of `comparePaths` over the reported paths. What is wrong with an item
 * is an issue of its entry; nothing but an unusable root (LongshoreError) or the signal ends the walk. Links are reported,
 * never followed, and folders of snapshots are reported, but not entered. Memory is bounded by the names of the folders that are open at the same time.
 */
export async function* walk(
  root: string,
  { after, names, ownershipOf, past, snapshotFolder, signal }: WalkOptions,
): AsyncGenerator<WalkItem, void, undefined> {
  const mapName = names ? nameMapping(names) : undefined;
  const listing = await listDirectory(root, mapName).catch((error: unknown) => {
    throw unusable(root, error);
  });
  let resume = after;
  const rules = { mapName, ownershipOf, snapshotFolder };
  const open: Visit[] = [new Visit(root, "", undefined, listing, rules, { past })];
  for (let visit = open.at(-1); visit !== undefined; visit = open.at(-1)) {
    signal.throwIfAborted();
    const index = visit.next++;
    if (index >= visit.directory.length) {
      open.pop();
      continue;
    }
    const path = joinPath(visit.path, visit.directory.name(index));
    const place = resume === undefined ? "ahead" : placeOf(path, resume);
    if (place === "ahead") resume = undefined;
    // A contested name behind us may hold the claim that makes a later one a collision.
    if (place === "behind" && !visit.directory.contest(index)) continue;

    const { entry, content, ...inherited } = await visit.inspect(index, path);
    if (place === "ahead") yield { entry, parent: visit.folder };
    if (content !== undefined && place !== "behind") {
      const folder = { entry, parent: visit.folder };
      open.push(new Visit(visit.systemPath(index), path, folder, content, rules, inherited));
    }
  }
}

/** Where `path` lies as seen from `after`; "open": it is, or is above, the place to go on from. */
function placeOf(path: string, after: string): "behind" | "open" | "ahead" {
  if (path === after || after.startsWith(`${path}/`)) return "open";
  return comparePaths(path, after) < 0 ? "behind" : "ahead";
}

/** What a folder tells those in it. */
interface Inherited {
  /**
   * Who may do what with it, also where that is the same as for the folder above. Unknown at the root: nothing at the
   * destination has its rights, so what lies in it says its own.
   */
  access?: readonly Access[] | undefined;
  past?: Past | undefined;
}

interface Inspected extends Inherited {
  entry: InventoryEntry;
  /** What is in it, when it is a folder that could be listed. */
  content?: Directory | undefined;
}

interface Rules {
  mapName: NameMapping | undefined;
  ownershipOf: OwnershipOf | undefined;
  snapshotFolder: string | undefined;
}

/** An item as the file system has it, and had it. */
interface Found {
  stats: Stats;
  versions?: Version[];
}

/** A folder while the walk is in it. */
class Visit {
  readonly path: string;
  readonly folder: OpenFolder | undefined;
  readonly directory: Directory;
  next = 0;
  readonly #system: SystemPath;
  readonly #rules: Rules;
  readonly #inherited: Inherited;
  readonly #claimed = new Set<string>();
  readonly #ahead = new Map<number, Promise<Looked<Found>>>();
  #asked = 0;

  constructor(
    system: SystemPath,
    path: string,
    folder: OpenFolder | undefined,
    directory: Directory,
    rules: Rules,
    inherited: Inherited,
  ) {
    this.#system = system;
    this.#rules = rules;
    this.#inherited = inherited;
    this.path = path;
    this.folder = folder;
    this.directory = directory;
  }

  systemPath(index: number): SystemPath {
    return joinSystemPath(this.#system, this.directory.name(index), this.directory.rawName(index));
  }

  async inspect(index: number, path: string): Promise<Inspected> {
    const { found, fault } = await this.#find(index);
    const nameIssue = this.directory.rawName(index) && NOT_UNICODE;
    if (found === undefined) {
      const issue = nameIssue ?? metadataIssue(fault);
      return { entry: { path, kind: "other", size: 0, modified: 0, created: 0, issue } };
    }
    const { stats, versions } = found;
    const { entry, issue: kindIssue } = describe(path, stats);
    const snapshotIssue =
      entry.kind === "folder" && (await this.#isSnapshotFolder(index, path))
        ? SNAPSHOT_FOLDER
        : undefined;
    const listed =
      entry.kind === "folder" && !snapshotIssue
        ? await look(listDirectory(this.systemPath(index), this.#rules.mapName))
        : undefined;
    const issue =
      nameIssue ??
      kindIssue ??
      snapshotIssue ??
      (listed?.fault === undefined ? undefined : metadataIssue(listed.fault)) ??
      timeIssue(entry) ??
      this.#caseIssue(index);
    const access = await this.#addPeople(entry, stats);
    if (!issue && versions?.length) entry.versions = versions;
    return {
      entry: issue === undefined ? entry : { ...entry, issue },
      content: listed?.found,
      access,
      past: listed?.found && this.#inherited.past?.folder(...this.#name(index), stats),
    };
  }

  /** Notes owner and access in the entry; returns the access even where the entry need not say it. */
  async #addPeople(entry: InventoryEntry, stats: Stats): Promise<Access[] | undefined> {
    if (!this.#rules.ownershipOf || entry.kind === "other") return undefined;
    const { owner, access } = await this.#rules.ownershipOf(stats);
    entry.owner = owner;
    const { access: above } = this.#inherited;
    if (!above || !isSameAccess(access, above)) entry.access = access;
    return access;
  }

  #name(index: number): [string, Buffer | undefined] {
    return [this.directory.name(index), this.directory.rawName(index)];
  }

  async #isSnapshotFolder(index: number, path: string): Promise<boolean> {
    if (path === this.#rules.snapshotFolder) return true;
    return holdsSnapshots(this.systemPath(index), this.directory.name(index));
  }

  #find(index: number): Promise<Looked<Found>> {
    this.#asked = Math.max(this.#asked, index);
    const end = Math.min(this.directory.length, index + LOOKAHEAD);
    for (; this.#asked < end; this.#asked++) {
      this.#ahead.set(this.#asked, look(this.#lookAt(this.#asked)));
    }
    const due = this.#ahead.get(index) as Promise<Looked<Found>>;
    this.#ahead.delete(index);
    return due;
  }

  async #lookAt(index: number): Promise<Found> {
    const stats = await lstat(this.systemPath(index));
    const { past } = this.#inherited;
    if (!past || !stats.isFile() || this.directory.rawName(index)) return { stats };
    return { stats, versions: await past.versionsOf(this.directory.name(index), stats) };
  }

  /** The first item that can be migrated holds the name; links and unreadable folders leave it to others. */
  #caseIssue(index: number): Issue | undefined {
    const contest = this.directory.contest(index);
    if (contest === undefined) return undefined;
    const { key, isRenamed, yields } = contest;
    if (yields || this.#claimed.has(key)) return isRenamed ? COLLISION : CASE_COLLISION;
    this.#claimed.add(key);
    return undefined;
  }
}

const NOT_UNICODE: Issue = {
  code: "NAME_NOT_UNICODE",
  message: "the name's bytes are not valid UTF-8; it is shown with a replacement",
};
const SNAPSHOT_FOLDER: Issue = {
  code: "SNAPSHOT_FOLDER",
  message: "a folder of snapshots is not entered",
};
const COLLISION: Issue = {
  code: "NAME_COLLISION",
  message: "with its invalid characters replaced, the name is that of another item of the folder",
};
const CASE_COLLISION: Issue = {
  code: "NAME_CASE_COLLISION",
  message: "an earlier item of the folder has this name in another case",
};

function describe(path: string, stats: Stats): { entry: InventoryEntry; issue?: Issue } {
  const modified = Math.floor(stats.mtimeMs);
  // File systems without a birth time report 0.
  const created = stats.birthtimeMs > 0 ? Math.floor(stats.birthtimeMs) : modified;
  const entry = { path, size: 0, modified, created };
  if (stats.isFile()) return { entry: { ...entry, kind: "file", size: stats.size } };
  if (stats.isDirectory()) return { entry: { ...entry, kind: "folder" } };
  const issue: Issue = stats.isSymbolicLink()
    ? { code: "SYMBOLIC_LINK", message: "a symbolic link is not followed" }
    : { code: "NOT_A_FILE", message: `a ${specialKind(stats)} has no content to migrate` };
  return { entry: { ...entry, kind: "other" }, issue };
}

function specialKind(stats: Stats): string {
  if (stats.isSocket()) return "socket";
  if (stats.isFIFO()) return "pipe";
  return "device";
}

const timeIssue = ({ modified, created }: InventoryEntry): Issue | undefined =>
  checkTime(modified) ?? checkTime(created);

/** Looking ahead, an error has to wait for its turn: it is kept as a value. */
type Looked<T> = { found: T; fault?: never } | { found?: never; fault: unknown };

const look = <T>(looking: Promise<T>): Promise<Looked<T>> =>
  looking.then(
    (found) => ({ found }),
    (fault: unknown) => ({ fault }),
  );
