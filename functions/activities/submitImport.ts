import { randomUUID } from "node:crypto";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Issue } from "../../shared/contracts/inventory.ts";
import type { WorkEnd } from "../domain/agents/workItems.ts";
import type { Target } from "../domain/records.ts";
import { openContainers } from "../operations/packages/packageContainers.ts";
import type { Services } from "../services.ts";
import type { PackageRef } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

/**
 * Asks SharePoint to import the package, once. The row says "submitting" before the request and names the job after it. Whoever
 * finds "submitting" cannot know whether SharePoint accepted: the attempt is given up and the package made anew, and what
 * that job may have brought is found at the destination. A refusal is an issue, not an error: an error would be retried.
 * A cancelled round submits nothing; one that pauses does, and leaves the job to itself. `busy`: the site has as many jobs as it may
 * have, and the package waits until one of them has ended; a round that pauses does not wait.
 */
export const submitImport = defineActivity(
  "submitImport",
  async (ref: PackageRef, app): Promise<WorkEnd & { busy?: true }> => {
    const { rounds, destination, slots } = app;
    const pkg = await rounds.package(ref);
    if (pkg.state === "importing" || pkg.state === "imported") return {};
    if (pkg.state === "submitting") return { issue: IN_DOUBT };
    const { target, wish } = await rounds.current(ref);
    if (wish === "cancel") {
      if (target) await slots.release(target.siteId, ref);
      return { interrupted: true };
    }
    if (!target) throw new Error(`package ${ref.segment} has lost a part of its plan`);
    const { key, queueUrl, forSharePoint } = await openContainers(app, ref, pkg);
    const files = { ...(await forSharePoint()), key: key.toString("base64"), queueUrl };
    if (!(await slots.take(target.siteId, ref, Date.now()))) {
      if (!wish) await freeEnded(app, target);
      else await slots.release(target.siteId, ref);
      return wish ? { interrupted: true } : { busy: true };
    }
    // Another process may run this activity, too, and may have read "sealed" as well.
    const mine = randomUUID();
    const { submission } = await rounds.advance(ref, "submitting", (row) => {
      row.submission = mine;
    });
    if (submission !== mine) return { issue: IN_DOUBT };
    try {
      const job = await destination.submit(target, files);
      await rounds.advance(ref, "importing", (row) => {
        row.job = job;
      });
      await slots.keep(target.siteId, ref, Date.now(), job);
      return wish ? { interrupted: true } : {};
    } catch (error) {
      if (!(error instanceof LongshoreError) || error.code === "CONFLICT") throw error;
      await slots.release(target.siteId, ref);
      if (error.code === "THROTTLED") {
        // What SharePoint turned away it has not accepted.
        await rounds.advance(ref, "sealed");
        throw error;
      }
      const code = error.code === "DESTINATION_ACCESS_DENIED" ? error.code : "SUBMIT_FAILED";
      return { issue: { code, message: error.message.slice(0, 1000) } };
    }
  },
);

const IN_DOUBT: Issue = {
  code: "SUBMIT_FAILED",
  message: "nobody knows how an earlier request ended",
};

/**
 * Who waits looks whether the jobs that nobody looks after are still there: their followers may be dead, or their rounds paused. What
 * SharePoint does not say now it may say with the next look.
 */
async function freeEnded({ slots, destination }: Services, target: Target): Promise<void> {
  const now = Date.now();
  for (const silent of await slots.silent(target.siteId, now)) {
    const isOver = await destination.isOver(target, silent.job).catch((error: unknown) => {
      if (error instanceof LongshoreError) return undefined;
      throw error;
    });
    if (isOver) await slots.free(target.siteId, silent.holder, silent.job);
    if (isOver === false) await slots.stillThere(target.siteId, silent, now);
  }
}
