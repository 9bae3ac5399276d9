import type { Issue } from "../../shared/contracts/inventory.ts";
import { isFatal, isTerminal, saidBy } from "../destinations/jobEvents.ts";
import type { WorkEnd } from "../domain/workItems.ts";
import type { PackageRef } from "../stores/refs.ts";
import { defineActivity } from "./activity.ts";

const UNKNOWN_JOB: Issue = {
  code: "IMPORT_JOB_FAILED",
  message: "SharePoint no longer knows the import job",
};

const TAKEN_BACK: Issue = {
  code: "CANCELLED",
  message: "the import job was taken back before it came to the item",
};

/**
 * Reads the job's news. Its errors are read again, from the beginning, when the package is recorded. A round that pauses leaves the
 * job to itself; a cancelled one takes it back, and follows what is left of it: what has arrived has arrived.
 */
export const followImport = defineActivity(
  "followImport",
  async (ref: PackageRef, app): Promise<WorkEnd & { ended: boolean }> => {
    const { rounds, destination, config } = app;
    const pkg = await rounds.package(ref);
    if (pkg.state !== "importing") return { ended: true };
    const { target, wish } = await rounds.current(ref);
    const { job, jobToken = "0", jobNewsAt = "" } = pkg;
    if (!target || !job) throw new Error(`package ${ref.segment} has lost its job`);
    if (wish === "cancel") await destination.cancelJob(target, job);
    const page = await destination.progress(target, job, jobToken);
    if (!page) return { ended: true, issue: wish === "cancel" ? TAKEN_BACK : UNKNOWN_JOB };

    // Its containers may be gone, or its errors too many: another attempt leaves out what has arrived.
    const fatal = page.events.find(isFatal);
    if (fatal && wish === "cancel") return { ended: true, issue: TAKEN_BACK };
    if (fatal) return { ended: true, issue: { code: "IMPORT_JOB_FAILED", message: saidBy(fatal) } };

    const now = Date.now();
    const isNews = page.token !== jobToken;
    const isSilent = !isNews && now - Date.parse(jobNewsAt) > config.IMPORT_SILENCE_MS;
    // The event that says so may never come; without news for long, the job's state is asked for.
    if (page.events.some(isTerminal) || (isSilent && (await destination.isOver(target, job)))) {
      await rounds.advance(ref, "imported");
      return { ended: true };
    }
    if (isNews)
      await rounds.noteNews(ref, job, { token: page.token, at: new Date(now).toISOString() });
    return { ended: false, ...(wish === "pause" && { interrupted: true }) };
  },
);
