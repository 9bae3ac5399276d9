import { lstat } from "node:fs/promises";
import type { Issue } from "../../shared/contracts/inventory.ts";
import type { ScanSpec } from "../../shared/contracts/work.ts";
import { shown } from "../../shared/rules/paths.ts";
import type { Log } from "../log.ts";
import { type Past, pastOf } from "./past.ts";
import { unusable } from "./root.ts";
import { orderSnapshots } from "./snapshot-order.ts";
import { openSnapshots, shelfOf } from "./snapshots.ts";

/** What a scan has to know that asks for older versions. */
export interface History {
  /** Undefined without snapshots. */
  past?: Past;
  /** The folder of the source in which, as the task says, snapshots are. */
  snapshotFolder?: string | undefined;
  /** What was wrong with the snapshots so far. */
  warnings(): Issue[];
}

/** Finds the snapshots of the source at `root`. Throws LongshoreError when the root cannot be used, or the task's pattern. */
export async function findHistory(
  { keep, folder }: NonNullable<ScanSpec["versions"]>,
  { root, roots, log }: { root: string; roots: readonly string[]; log: Log },
): Promise<History> {
  const found = await openSnapshots(root, { roots, folder, log }).find();
  const snapshotFolder = folder === undefined ? undefined : shelfOf(folder);
  if (!found) {
    log.warn({ source: root, folder }, "the source has no snapshots");
    return { snapshotFolder, warnings: () => [noSnapshots(root, folder)] };
  }

  const snapshots = orderSnapshots(found.snapshots, found);
  const [ordered, unordered] = [snapshots.ordered.length, snapshots.unordered.length];
  log.info({ place: found.place, ordered, unordered }, "older versions come out of snapshots");
  const now = await lstat(root).catch((error: unknown) => {
    throw unusable(root, error);
  });
  const faults = tally();
  const borders = tally();
  const onFault = (path: string | Buffer, fault: string) => {
    if (faults.add(`${path}: ${fault}`))
      log.warn({ path: `${path}`, fault }, "a snapshot cannot be looked into everywhere");
  };
  const onBorder = (way: string | Buffer) => void borders.add(`${root}${way}`);
  const warnings = () => [
    ...faults.issues(
      (count, first) => `${count} looks into snapshots failed, the first at ${first}`,
    ),
    ...borders.issues(
      (count, first) =>
        `${count} folders are file systems of their own, which have snapshots of their own: files in them come without older versions, unless tasks have them as their sources. The first is ${first}`,
    ),
  ];
  const past = pastOf(now, { snapshots, keep, onFault, onBorder });
  return { past, snapshotFolder, warnings };
}

/** Counts what has to be said once. */
function tally() {
  let count = 0;
  let first = "";
  return {
    /** Whether it is the first. */
    add(what: string): boolean {
      if (count++ > 0) return false;
      first = what;
      return true;
    },
    issues: (say: (count: number, first: string) => string): Issue[] =>
      count === 0 ? [] : [{ code: "VERSION_NOT_READ", message: say(count, first).slice(0, 2_000) }],
  };
}

const noSnapshots = (root: string, folder: string | undefined): Issue => ({
  code: "NO_SNAPSHOTS",
  message: `${shown(root)} has no ${folder ?? "usual"} folder of snapshots, nor has a folder above it that the agent may read`,
});
