import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Issue } from "../../shared/contracts/inventory.ts";
import { retireAttempt } from "../operations/packages/retireAttempt.ts";
import type { PackageRef } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

/**
 * Puts a package whose attempt failed back to where it can be planned anew, with other containers and another key. Refuses while
 * SharePoint is at work on the package: what runs there is followed to its end by the next run, not repeated. Without an issue
 * the package is merely set aside, because its round pauses or is cancelled.
 */
export const resetPackage = defineActivity(
  "resetPackage",
  async ({ issue, ...ref }: PackageRef & { issue?: Issue }, app): Promise<void> => {
    const { rounds } = app;
    const pkg = await rounds.package(ref);
    if (pkg.state === "recorded" || pkg.state === "scanned") return;
    await rounds.current(ref);
    const jobIsOver = issue?.code === "IMPORT_JOB_FAILED";
    if ((pkg.state === "importing" || pkg.state === "imported") && !jobIsOver) {
      if (!issue) return;
      throw new LongshoreError(issue.code, issue.message);
    }
    await retireAttempt(app, ref, pkg);
    await rounds.advance(ref, "scanned", (row) => {
      for (const part of OF_THE_ATTEMPT) delete row[part];
    });
  },
);

const OF_THE_ATTEMPT = [
  "containers",
  "key",
  "files",
  "folders",
  "uploadEpoch",
  "submission",
  "job",
  "agent",
] as const;
