import { survivesRestart } from "../../domain/packages/packageStates.ts";
import type { PackageRecord } from "../../domain/records.ts";
import { addPackage, noTotals, type RoundTotals } from "../../domain/rounds/roundTotals.ts";
import type { Services } from "../../services.ts";
import type { RunRef } from "../../stores/rounds/refs.ts";
import { listRoundBlobs } from "../../stores/rounds/roundBlobs.ts";
import { retireAttempt } from "../packages/retireAttempt.ts";

/**
 * Brings the packages of a round that is not open yet into a state that a new run can go on from, and adds up what stays. Rows
 * and blobs are compared, because a store that died may have kept one and lost the other: results whose blobs are there
 * stay, jobs that SharePoint has accepted are followed on, every other package is planned anew (so is what was cancelled
 * when the round goes on after all), and the scan goes on after the last segment that is whole.
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
    if (pkg.state === "recorded")
      return outcomes.outcomes(segment) && !(pkg.cancelled && round.wish !== "cancel");
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
    await retireAttempt(app, { ...ref, segment }, value);
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
