import { LongshoreError } from "../../shared/contracts/errors.ts";
import { isTerminal } from "../destinations/jobEvents.ts";
import type { PackageRef } from "../stores/rounds.ts";
import { defineActivity } from "./activity.ts";

/** Reads the job's news. Its errors are read again, from the beginning, when the package is recorded. */
export const followImport = defineActivity(
  "followImport",
  async (ref: PackageRef, { rounds, destination }): Promise<{ ended: boolean }> => {
    const pkg = await rounds.package(ref);
    if (pkg.state !== "importing") return { ended: true };
    const { target } = await rounds.current(ref);
    if (!target || !pkg.job) throw new Error(`package ${ref.segment} has lost its job`);
    const page = await destination.progress(target, pkg.job, pkg.jobToken ?? "0");
    if (!page)
      throw new LongshoreError("IMPORT_JOB_FAILED", "SharePoint no longer knows the import job");
    if (page.events.some(isTerminal)) {
      await rounds.advance(ref, "imported");
      return { ended: true };
    }
    if (page.token !== pkg.jobToken)
      await rounds.amendPackage(ref, (row) => ({ ...row, jobToken: page.token }));
    return { ended: false };
  },
);
