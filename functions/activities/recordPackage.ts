import type { Issue } from "../../shared/contracts/inventory.ts";
import type { UploadResult } from "../../shared/contracts/work.ts";
import {
  isNotUploaded,
  packageOutcomes,
  totalsOf,
  type Verdict,
} from "../domain/packages/outcomes.ts";
import { sealedItems } from "../domain/packages/packageManifest.ts";
import type { Plan } from "../domain/packages/plan.ts";
import type { PackageRecord, RoundRecord, Target } from "../domain/records.ts";
import { addResult } from "../domain/rounds/roundTotals.ts";
import { findArrived, skipArrived } from "../operations/packages/arrived.ts";
import { dropRefused, judgeImport } from "../operations/packages/judgeImport.ts";
import { leaveLent } from "../operations/packages/packageContainers.ts";
import { planPackage } from "../operations/packages/planPackage.ts";
import type { Services } from "../services.ts";
import type { PackageRef } from "../stores/rounds/refs.ts";
import { readPlan, readUpload, writeOutcomes } from "../stores/rounds/roundBlobs.ts";
import { defineActivity } from "./activity.ts";

const NOT_CONFIRMED: Issue = {
  code: "IMPORT_NOT_CONFIRMED",
  message: "the import job ended, but the item is not at the destination",
};

/**
 * Gives every item of the package its outcome and adds them to the round. `issue` is why the package as a whole did not get
 * through, if it did not.
 */
export const recordPackage = defineActivity(
  "recordPackage",
  async (ref: PackageRef & { issue?: Issue }, app): Promise<void> => {
    const { rounds, state } = app;
    const pkg = await rounds.package(ref);
    if (pkg.state === "recorded") return;
    const round = await rounds.current(ref);
    const { target } = round;
    if (!target) throw new Error(`round R${ref.round} of ${ref.taskId} is not open`);
    const plan =
      (pkg.state !== "scanned" ? await readPlan(state.plans, ref, pkg.attempt) : undefined) ??
      (await freshPlan(app, ref, round, pkg));
    const upload = withoutRefusals(await readUpload(state.plans, ref, pkg), ref.issue);
    const verdict = await verdictOf(app, ref, { ...round, target }, pkg, { plan, upload });

    const outcomes = packageOutcomes(plan, upload, verdict, {
      round: ref.round,
      segment: ref.segment,
      ...(pkg.job && { job: pkg.job }),
      ...(pkg.agent && { agent: pkg.agent }),
    });
    await writeOutcomes(state.outcomes, ref, ref.segment, outcomes);
    await leaveLent(app, ref, pkg.containers);
    const result = totalsOf(outcomes);
    const bytes = outcomes.reduce((sum, { size }) => sum + size, 0);
    await rounds.advance(ref, "recorded", (row, current) => {
      row.result = result;
      row.recordedAt = new Date().toISOString();
      // What opens the containers is needed no more.
      delete row.key;
      delete row.containers?.sealed;
      if (outcomes.some(({ issue }) => issue?.code === "CANCELLED")) row.cancelled = true;
      if (row.agent && !current.agents.includes(row.agent)) current.agents.push(row.agent);
      correctBytes(row, current, bytes);
      addResult(current, result);
    });
  },
);

/** When it was the container that refused, that is the reason for all files that it did not take. */
function withoutRefusals(
  upload: UploadResult | undefined,
  issue: Issue | undefined,
): UploadResult | undefined {
  if (!upload || issue?.code !== "CONTAINER_REFUSED") return upload;
  return { ...upload, files: upload.files.filter((file) => !isNotUploaded(file)) };
}

/** Files that changed between scan and upload change what was scanned, so that the sums stay equal. */
function correctBytes(pkg: PackageRecord, round: RoundRecord, bytes: number): void {
  const change = bytes - pkg.summary.bytes;
  pkg.summary.bytes = bytes;
  const counted = [round.packaged, round.uploaded, round.imported].slice(0, pkg.counted);
  for (const stage of [round.scan, ...counted]) stage.bytes += change;
}

/** A package that has no plan, or whose attempt was given up, still has items that need an outcome. */
async function freshPlan(
  app: Services,
  ref: PackageRef,
  round: RoundRecord,
  pkg: PackageRecord,
): Promise<Plan> {
  const plan = await planPackage(app, round, pkg);
  await skipArrived(app, round, pkg, plan);
  await dropRefused(app, ref, pkg, plan);
  return plan;
}

async function verdictOf(
  app: Services,
  { issue, ...ref }: PackageRef & { issue?: Issue },
  round: RoundRecord & { target: Target },
  pkg: PackageRecord,
  { plan, upload }: { plan: Plan; upload: UploadResult | undefined },
): Promise<Verdict> {
  const { target } = round;
  const { folders, files } = sealedItems(plan, upload);
  if (!pkg.job || folders.length + files.length === 0) return () => issue ?? NOT_CONFIRMED;

  const judged = { ...pkg, job: pkg.job };
  const { errors, fatal, confirmed } = await judgeImport(app, ref, judged, target, {
    ...{ plan, upload },
  });
  if (confirmed && !round.settings.verifyEveryItem) return (item) => errors.get(item.path);

  const arrived = await findArrived(app, target, folders, files);
  // What a job that was taken back says of items that it did not bring, it says because it was stopped.
  const takenBack = issue?.code === "CANCELLED" ? issue : undefined;
  return (item) =>
    arrived.has(item.path)
      ? undefined
      : (takenBack ?? errors.get(item.path) ?? fatal ?? issue ?? NOT_CONFIRMED);
}
