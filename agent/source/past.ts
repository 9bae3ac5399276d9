import { lstat as lstatCallback, type Stats } from "node:fs";
import { promisify } from "node:util";
import type { Version } from "../../shared/contracts/inventory.ts";
import { changes, type State } from "./changes.ts";
import { joinSystemPath, type SystemPath } from "./directory.ts";
import { describeFault, faultCode } from "./problems.ts";
import type { Ordered } from "./snapshot-order.ts";
import type { Snapshot } from "./snapshots.ts";

const lstat = promisify(lstatCallback);

export interface Past {
  /**
   * The past of the folder of this name in the folder that this is the past of; `now` is what it is today. Undefined for one
   * that is a file system of its own: snapshots of this one have an empty folder in its place.
   */
  folder(name: string, raw: Buffer | undefined, now: Stats): Past | undefined;
  /**
   * Older contents of the file of this name, which is `now` today: those that differ in size or modified time and were
   * modified before it, oldest first. When there are more than asked for, those of the newest snapshots.
   */
  versionsOf(name: string, now: Stats): Promise<Version[]>;
}

export interface PastOptions {
  snapshots: Ordered<Snapshot>;
  /** Versions to find of each file. */
  keep: number;
  /** Told what could not be looked at in a snapshot and is left out. */
  onFault(path: SystemPath, fault: string): void;
  /** Told the folders that have no past because they are file systems of their own; with a "/" before every name. */
  onBorder(way: SystemPath): void;
}

/** The past of a source, whose folder is `now` today. */
export const pastOf = (now: Stats, options: PastOptions): Past =>
  new PastFolder(options, "", now, undefined);

/** What a snapshot has in one place of the tree. */
interface Sight extends State {
  stats?: Stats;
}

class PastFolder implements Past {
  readonly #options: PastOptions;
  /** From the source on, with a "/" before every name. */
  readonly #way: SystemPath;
  readonly #now: Stats;
  readonly #above: PastFolder | undefined;
  #known: Promise<Sight[]> | undefined;

  constructor(options: PastOptions, way: SystemPath, now: Stats, above: PastFolder | undefined) {
    this.#options = options;
    this.#way = way;
    this.#now = now;
    this.#above = above;
  }

  folder(name: string, raw: Buffer | undefined, now: Stats): Past | undefined {
    const way = joinSystemPath(this.#way, name, raw);
    if (now.dev === this.#now.dev) return new PastFolder(this.#options, way, now, this);
    this.#options.onBorder(way);
    return undefined;
  }

  async versionsOf(name: string, now: Stats): Promise<Version[]> {
    const { keep, snapshots } = this.#options;
    const sights = await this.#sights();
    const way = joinSystemPath(this.#way, name);
    const look = (index: number) => this.#look(way, index, sights[index]);
    const recent = new Map<string, Version>();
    const others = new Map<string, Version>();
    const collect = (versions: Map<string, Version>, index: number, { stats }: Sight) => {
      if (!stats?.isFile()) return;
      const { size } = stats;
      const modified = Math.floor(stats.mtimeMs);
      if (modified >= Math.floor(now.mtimeMs)) return;
      const key = `${size} ${modified}`;
      if (versions.has(key)) return;
      versions.set(key, { snapshot: this.#snapshot(index).name, size, modified });
    };

    const { ordered, unordered } = snapshots;
    for await (const [index, sight] of changes(ordered.length, stateOf(now), look)) {
      collect(recent, index, sight);
      if (recent.size >= keep) break;
    }
    for (let index = ordered.length; index < ordered.length + unordered.length; index++)
      collect(others, index, await look(index));
    const all = [...new Map([...others, ...recent]).values()];
    return all.sort((a, b) => a.modified - b.modified).slice(-keep);
  }

  #snapshot(index: number): Snapshot {
    const { ordered, unordered } = this.#options.snapshots;
    return (ordered[index] ?? unordered[index - ordered.length]) as Snapshot;
  }

  /** What every snapshot has in the place of this folder, looked at once for all that is in it. */
  #sights(): Promise<Sight[]> {
    this.#known ??= this.#lookEverywhere();
    return this.#known;
  }

  async #lookEverywhere(): Promise<Sight[]> {
    const { ordered, unordered } = this.#options.snapshots;
    const above = this.#above && (await this.#above.#sights());
    const look = (index: number) => this.#look(this.#way, index, above?.[index]);
    const sights: Sight[] = [];
    // Those that were not looked at are like the next one that was.
    for await (const [index, sight] of changes(ordered.length, stateOf(this.#now), look))
      while (sights.length <= index) sights.push(sight);
    while (sights.length < ordered.length + unordered.length)
      sights.push(await look(sights.length));
    return sights;
  }

  async #look(way: SystemPath, index: number, folder: Sight | undefined): Promise<Sight> {
    if (folder && !folder.stats?.isDirectory()) return { state: folder.state };
    const path = joinWay(this.#snapshot(index).path, way);
    try {
      const stats = await lstat(path);
      return { state: stateOf(stats), stats };
    } catch (error) {
      if (MISSING.has(faultCode(error))) return { state: `nothing in ${folder?.state}` };
      this.#options.onFault(path, describeFault(error));
      return { state: `unknown in ${this.#snapshot(index).name}` };
    }
  }
}

const MISSING = new Set<string | undefined>(["ENOENT", "ENOTDIR"]);

/** The time of the last change (ctime) is the one that nobody can set; snapshots have it, and the number of the inode, as they were. */
const stateOf = ({ ino, ctimeMs, mtimeMs, size }: Stats): string =>
  `${ino} ${ctimeMs} ${mtimeMs} ${size}`;

const joinWay = (root: string, way: SystemPath): SystemPath =>
  typeof way === "string" ? root + way : Buffer.concat([Buffer.from(root), way]);
