import { sasUrl } from "../security/sas.ts";
import type { PackageRef } from "../stores/rounds.ts";
import { defineActivity } from "./activity.ts";

/**
 * Asks SharePoint to import the package. The row says "submitting" before the request and names the job after it: a crash in
 * between leaves a job that nobody knows, so the package is then made anew and what that job brought is found at the
 * destination.
 */
export const submitImport = defineActivity(
  "submitImport",
  async (ref: PackageRef, { rounds, keys, packageBlobs, destination }): Promise<void> => {
    const pkg = await rounds.package(ref);
    if (pkg.state === "importing" || pkg.state === "imported") return;
    const { target } = await rounds.current(ref);
    if (!target || !pkg.key || !pkg.containers)
      throw new Error(`package ${ref.segment} has lost a part of its plan`);
    const now = Date.now();
    const [key, dataUrl, manifestUrl] = await Promise.all([
      keys.unwrap(pkg.key, now),
      sasUrl(packageBlobs.getContainerClient(pkg.containers.data), "sharePointReadsData", now),
      sasUrl(
        packageBlobs.getContainerClient(pkg.containers.manifest),
        "sharePointReadsManifest",
        now,
      ),
    ]);
    await rounds.advance(ref, "submitting");
    const job = await destination.submit(target, {
      dataUrl,
      manifestUrl,
      key: key.toString("base64"),
    });
    await rounds.advance(ref, "importing", (row) => {
      row.job = job;
      row.jobToken = "0";
    });
  },
);
