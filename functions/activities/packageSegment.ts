import { filesToUpload } from "../domain/acceptUpload.ts";
import { inLibrary, type Plan, type PlanItem } from "../domain/plan.ts";
import type { PackageRecord, Target } from "../domain/records.ts";
import { isContent } from "../operations/arrived.ts";
import { inParallel } from "../operations/inParallel.ts";
import { makeContainers } from "../operations/packageContainers.ts";
import { planPackage } from "../operations/planPackage.ts";
import type { Services } from "../services.ts";
import type { PackageRef } from "../stores/refs.ts";
import { writePlan } from "../stores/roundBlobs.ts";
import { defineActivity } from "./activity.ts";

export interface PlanSummary {
  attempt: number;
  files: number;
  folders: number;
  /** Whether the contents are uploaded already, because an earlier run got that far. */
  uploaded: boolean;
}

const summaryOf = (pkg: PackageRecord): PlanSummary => ({
  attempt: pkg.attempt,
  files: pkg.files ?? 0,
  folders: pkg.folders ?? 0,
  uploaded: pkg.uploadEpoch !== undefined,
});

/** Turns a segment into a package: decides about every item, and gives the package its containers and its key. */
export const packageSegment = defineActivity(
  "packageSegment",
  async (ref: PackageRef, app): Promise<PlanSummary> => {
    const { rounds, state } = app;
    const pkg = await rounds.package(ref);
    if (pkg.state !== "scanned") return summaryOf(pkg);
    const round = await rounds.current(ref);
    const plan = await planPackage(app, round, pkg);
    if (pkg.attempt > 0 || ref.segment < round.suspectSegments)
      await skipArrived(app, round.target as Target, plan, ref.round);

    const attempt = pkg.attempt + 1;
    const migrate = plan.items.filter(({ action }) => action === "migrate");
    const files = filesToUpload(plan).length;
    await writePlan(state.plans, ref, attempt, plan);
    const made =
      migrate.length > 0 ? await makeContainers(app, ref, round.target as Target) : undefined;
    return summaryOf(
      await rounds.advance(ref, "planned", (row) => {
        Object.assign(row, { attempt, files, folders: migrate.length - files, ...made });
      }),
    );
  },
);

/**
 * When an earlier attempt was interrupted, its import may have happened although nobody could note it down. What is at the
 * destination under our identity, with the size and time of the source, is not imported a second time.
 */
async function skipArrived(
  { destination }: Services,
  target: Target,
  plan: Plan,
  round: number,
): Promise<void> {
  const files = plan.items.filter(({ action, kind }) => action === "migrate" && kind === "file");
  await inParallel(16, files, async (item: PlanItem) => {
    const found = await destination.findFile(target, inLibrary(target, item.path));
    if (!found || !isContent(found, item)) return;
    item.action = "arrived";
    item.arrived = { modified: item.modified, size: item.size, round };
  });
}
