import { survivesRestart } from "../domain/packageStates.ts";
import type { PackageRecord, RoundRecord } from "../domain/records.ts";
import type { Services } from "../services.ts";
import { listRoundBlobs } from "../stores/roundBlobs.ts";
import type { RunRef } from "../stores/rounds.ts";

/**
 * Brings a round into a state that a new run can go on from. Rows and blobs are compared, because a store that died may have
 * kept one and lost the other: results whose blobs are there stay, jobs that SharePoint has accepted are followed on,
 * every other package is planned anew, and the scan goes on after the last segment that is whole. The counters are added up
 * again from what stays. A round without packages is left as it is.
 */
export async function recoverRound(app: Services, ref: RunRef): Promise<void> {
  const { rounds, state, stateBlobs } = app;
  const kept: { segment: number; value: PackageRecord }[] = [];
  const round = await rounds.current(ref);
  const inventory = new Set<string>();
  const container = stateBlobs.getContainerClient(round.inventoryContainer);
  for await (const blob of container.listBlobsFlat()) inventory.add(blob.name);
  const outcomes = await listRoundBlobs(state.outcomes, ref);
  const plans = await listRoundBlobs(state.plans, ref);

  const isWhole = (segment: number, pkg: PackageRecord): boolean => {
    if (pkg.state === "recorded") return outcomes.outcomes(segment);
    const { attempt } = pkg;
    return plans.plan(segment, attempt) && (!pkg.files || plans.upload(segment, attempt));
  };

  let scanBroken = false;
  for await (const { segment, value } of rounds.listPackages(ref.taskId, ref.round)) {
    scanBroken ||= segment !== kept.length || !inventory.has(value.summary.blob);
    if (scanBroken) {
      await rounds.removePackage(ref.taskId, ref.round, segment);
      continue;
    }
    if (survivesRestart(value.state) && isWhole(segment, value)) {
      kept.push({ segment, value });
      continue;
    }
    const { summary, attempt } = value;
    const fresh: PackageRecord = { summary, state: "scanned", attempt, counted: 0 };
    if (value.state !== "scanned" || value.counted > 0)
      await rounds.putPackage(ref.taskId, ref.round, segment, fresh);
    kept.push({ segment, value: fresh });
  }

  await rounds.updateRound(ref, (current) => {
    const lostSegments = kept.length < current.scan.segments;
    return withTotals(
      { ...current, nextSegment: 0, recorded: 0 },
      kept.map(({ value }) => value),
      current.scan.finished && !lostSegments,
    );
  });
}

function withTotals(
  round: RoundRecord,
  packages: readonly PackageRecord[],
  finished: boolean,
): RoundRecord {
  const none = () => ({ items: 0, bytes: 0 });
  const totals = {
    packaged: none(),
    uploaded: none(),
    imported: none(),
    migrated: none(),
    skipped: none(),
    failed: none(),
  };
  const scan: RoundRecord["scan"] = {
    finished,
    segments: packages.length,
    items: 0,
    files: 0,
    folders: 0,
    issues: 0,
    bytes: 0,
  };
  const add = (to: { items: number; bytes: number }, what: { items: number; bytes: number }) => {
    to.items += what.items;
    to.bytes += what.bytes;
  };
  for (const { summary, counted, result } of packages) {
    add(scan, summary);
    scan.files += summary.files;
    scan.folders += summary.folders;
    scan.issues += summary.issues;
    scan.lastPath = summary.last;
    for (const stage of [totals.packaged, totals.uploaded, totals.imported].slice(0, counted))
      add(stage, summary);
    if (!result) continue;
    round.recorded++;
    add(totals.migrated, result.migrated);
    add(totals.skipped, result.skipped);
    add(totals.failed, result.failed);
  }
  return { ...round, ...totals, scan };
}
