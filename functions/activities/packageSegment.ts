import { filesToUpload } from "../domain/packages/acceptUpload.ts";
import type { PackageRecord, Target } from "../domain/records.ts";
import { skipArrived } from "../operations/packages/arrived.ts";
import { dropRefused } from "../operations/packages/judgeImport.ts";
import { makeContainers } from "../operations/packages/packageContainers.ts";
import { planPackage } from "../operations/packages/planPackage.ts";
import type { PackageRef } from "../stores/rounds/refs.ts";
import { writePlan } from "../stores/rounds/roundBlobs.ts";
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
    await skipArrived(app, round, pkg, plan);
    await dropRefused(app, ref, pkg, plan);

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
