import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Issue } from "../../shared/contracts/inventory.ts";
import { isFatal, isTerminal, saidBy } from "../destinations/jobEvents.ts";
import type { WorkEnd } from "../domain/agents/workItems.ts";
import type { Target } from "../domain/records.ts";
import { jobNews } from "../operations/packages/jobNews.ts";
import { noteRefused } from "../operations/packages/judgeImport.ts";
import type { Services } from "../services.ts";
import type { PackageRef } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

const UNKNOWN_JOB: Issue = {
  code: "IMPORT_JOB_FAILED",
  message: "SharePoint no longer knows the import job",
};

const TAKEN_BACK: Issue = {
  code: "CANCELLED",
  message: "the import job was taken back before it came to the item",
};

/** How far the news of a job have been read, and when there was something new. Whoever has lost it begins at the beginning. */
export interface NewsRead {
  token: string;
  at: string;
}

/**
 * Reads the job's news. Its errors are read again, from the beginning, when the package is recorded. A round that pauses leaves the
 * job to itself; a cancelled one takes it back, and follows what is left of it: what has arrived has arrived. A job that
 * cannot be taken back is followed to its end.
 */
export const followImport = defineActivity(
  "followImport",
  async (
    { read, ...ref }: PackageRef & { read?: NewsRead | undefined },
    app,
  ): Promise<WorkEnd & { ended: boolean; read?: NewsRead }> => {
    const { rounds, destination, config, slots } = app;
    const pkg = await rounds.package(ref);
    if (pkg.state !== "importing") return { ended: true };
    const { target, wish } = await rounds.current(ref);
    const { job } = pkg;
    if (!target || !job) throw new Error(`package ${ref.segment} has lost its job`);
    const over = async (issue?: Issue) => {
      await slots.release(target.siteId, ref);
      return { ended: true, ...(issue && { issue }) };
    };
    if (wish === "cancel") await takeBack(destination, target, job);
    const news = await jobNews(app, ref, { ...pkg, job }, target, read?.token);
    if (!news) return over(wish === "cancel" ? TAKEN_BACK : UNKNOWN_JOB);

    const fatal = news.events.find(isFatal);
    if (fatal && wish === "cancel") return over(TAKEN_BACK);
    if (fatal) {
      // Its containers may be gone, or its errors too many: another attempt leaves out what has arrived and what was refused.
      await noteRefused(app, ref, { ...pkg, job }, target);
      return over({ code: "IMPORT_JOB_FAILED", message: saidBy(fatal) });
    }
    const now = Date.now();
    const at = news.isNews || !read ? new Date(now).toISOString() : read.at;
    const isSilent = now - Date.parse(at) > config.IMPORT_SILENCE_MS;
    // The event that says so may never come; without news for long, the job's state is asked for.
    if (news.events.some(isTerminal) || (isSilent && (await destination.isOver(target, job)))) {
      await rounds.advance(ref, "imported");
      return over();
    }
    await slots.keep(target.siteId, ref, now, job);
    const interrupted = wish === "pause";
    return { ended: false, read: { token: news.token, at }, ...(interrupted && { interrupted }) };
  },
);

async function takeBack(
  destination: Services["destination"],
  target: Target,
  job: string,
): Promise<void> {
  await destination.cancelJob(target, job).catch((error: unknown) => {
    if (!(error instanceof LongshoreError)) throw error;
    const { code, message } = error;
    console.warn(JSON.stringify({ event: "job-not-taken-back", job, code, message }));
  });
}
