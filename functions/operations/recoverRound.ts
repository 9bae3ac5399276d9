import { survivesRestart } from "../domain/packageStates.ts";
import type { PackageRecord, RoundRecord } from "../domain/records.ts";
import type { Services } from "../services.ts";
import type { RunRef } from "../stores/refs.ts";
import { listRoundBlobs } from "../stores/roundBlobs.ts";
import { retireAttempt } from "./retireAttempt.ts";

/** What adds up in a round: the part of its row that recovery computes anew. */
export type RoundTotals = Pick<
  RoundRecord,
  | "scan"
  | "nextSegment"
  | "recorded"
  | "packaged"
  | "uploaded"
  | "imported"
  | "migrated"
  | "skipped"
  | "failed"
>;

/**
 * Brings the packages of a round that is not open yet into a state that a new run can go on from, and adds up what stays. Rows
 * and blobs are compared, because a store that died may have kept one and lost the other: results whose blobs are there
 * stay, jobs that SharePoint has accepted are followed on, every other package is planned anew, and the scan goes on after
 * the last segment that is whole.
 */
export async function recoverRound(app: Services, ref: RunRef): Promise<RoundTotals> {
  const { rounds, state, stateBlobs } = app;
  const round = await rounds.current(ref);
  const inventory = new Set<string>();
  const container = stateBlobs.getContainerClient(round.inventoryContainer);
  for await (const blob of container.listBlobsFlat()) inventory.add(blob.name);
  const outcomes = await listRoundBlobs(state.outcomes, ref);
  const plans = await listRoundBlobs(state.plans, ref);

  const isWhole = (segment: number, pkg: PackageRecord): boolean => {
    if (pkg.state === "recorded") return outcomes.outcomes(segment);
    const { attempt, files, uploadEpoch } = pkg;
    if (!plans.plan(segment, attempt)) return false;
    return !files || (uploadEpoch !== undefined && plans.upload(segment, attempt, uploadEpoch));
  };

  const totals = noTotals();
  const changes: { segment: number; value?: PackageRecord }[] = [];
  let broken = false;
  for await (const { segment, value } of rounds.listPackages(ref.taskId, ref.round)) {
    broken ||= segment !== totals.scan.segments || !inventory.has(value.summary.blob);
    if (!broken && survivesRestart(value.state) && isWhole(segment, value)) {
      addPackage(totals, value);
      continue;
    }
    await retireAttempt(app, value);
    if (broken) {
      changes.push({ segment });
      continue;
    }
    const { summary, attempt } = value;
    const fresh: PackageRecord = { summary, state: "scanned", attempt, counted: 0 };
    addPackage(totals, fresh);
    if (value.state !== "scanned" || value.counted > 0) changes.push({ segment, value: fresh });
  }
  await rounds.mendPackages(ref, changes);
  totals.scan.finished = round.scan.finished && totals.scan.segments === round.scan.segments;
  return totals;
}

function addPackage(totals: RoundTotals, { summary, counted, state, result }: PackageRecord): void {
  const { scan } = totals;
  // Lanes begin at the first package that is left to do.
  if (totals.nextSegment === scan.segments && state === "recorded") totals.nextSegment++;
  scan.segments++;
  add(scan, summary);
  scan.files += summary.files;
  scan.folders += summary.folders;
  scan.issues += summary.issues;
  scan.lastPath = summary.last;
  const stages = [totals.packaged, totals.uploaded, totals.imported];
  for (const stage of stages.slice(0, counted)) add(stage, summary);
  if (!result) return;
  totals.recorded++;
  for (const key of ["migrated", "skipped", "failed"] as const) add(totals[key], result[key]);
}

type Amount = { items: number; bytes: number };

function add(to: Amount, what: Amount): void {
  to.items += what.items;
  to.bytes += what.bytes;
}

export function noTotals(): RoundTotals {
  const none = (): Amount => ({ items: 0, bytes: 0 });
  return {
    scan: { finished: false, segments: 0, files: 0, folders: 0, issues: 0, ...none() },
    nextSegment: 0,
    recorded: 0,
    packaged: none(),
    uploaded: none(),
    imported: none(),
    migrated: none(),
    skipped: none(),
    failed: none(),
  };
}
