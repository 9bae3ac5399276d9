import type { Amount } from "../../../shared/contracts/amounts.ts";
import type { SegmentSummary } from "../../../shared/contracts/inventory.ts";
import { stagesReached } from "../packages/packageStates.ts";
import type { PackageRecord, RoundRecord } from "../records.ts";

/** What adds up in a round: what each stage has behind it and what became of the items. */
export type RoundTotals = Pick<
  RoundRecord,
  | "scan"
  | "nextSegment"
  | "recorded"
  | "cancelled"
  | "packaged"
  | "uploaded"
  | "imported"
  | "migrated"
  | "skipped"
  | "failed"
>;

export function noTotals(): RoundTotals {
  const none = (): Amount => ({ items: 0, bytes: 0 });
  return {
    scan: { finished: false, segments: 0, files: 0, folders: 0, issues: 0, ...none() },
    nextSegment: 0,
    recorded: 0,
    cancelled: 0,
    packaged: none(),
    uploaded: none(),
    imported: none(),
    migrated: none(),
    skipped: none(),
    failed: none(),
  };
}

function add(to: Amount, what: Amount): void {
  to.items += what.items;
  to.bytes += what.bytes;
}

/** Adds a segment to what was scanned. */
export function addSegment({ scan }: Pick<RoundTotals, "scan">, summary: SegmentSummary): void {
  scan.segments++;
  add(scan, summary);
  scan.files += summary.files;
  scan.folders += summary.folders;
  scan.issues += summary.issues;
  scan.lastPath = summary.last;
}

/** Adds what became of a package's items. */
export function addResult(totals: RoundTotals, result: NonNullable<PackageRecord["result"]>): void {
  for (const key of ["migrated", "skipped", "failed"] as const) add(totals[key], result[key]);
}

/** Adds a package to the counters of the stages that it has reached, once per stage however often it is tried. */
export function countStages(pkg: PackageRecord, round: RoundRecord): void {
  const stages = [round.packaged, round.uploaded, round.imported];
  const reached = stagesReached(pkg.state);
  for (const stage of stages.slice(pkg.counted, reached)) add(stage, pkg.summary);
  if (reached === 4 && pkg.counted < 4) {
    round.recorded++;
    if (pkg.cancelled) round.cancelled++;
  }
  pkg.counted = Math.max(pkg.counted, reached);
}

/** Adds a package that stays as it is, with all that was counted of it before. */
export function addPackage(totals: RoundTotals, pkg: PackageRecord): void {
  const { summary, counted, state, result } = pkg;
  // Lanes begin at the first package that is left to do.
  if (totals.nextSegment === totals.scan.segments && state === "recorded") totals.nextSegment++;
  addSegment(totals, summary);
  const stages = [totals.packaged, totals.uploaded, totals.imported];
  for (const stage of stages.slice(0, counted)) add(stage, summary);
  if (!result) return;
  totals.recorded++;
  if (pkg.cancelled) totals.cancelled++;
  addResult(totals, result);
}
