import { type ErrorCode, LongshoreError } from "../../../shared/contracts/errors.ts";
import type { Issue } from "../../../shared/contracts/inventory.ts";
import type { UploadResult } from "../../../shared/contracts/work.ts";
import { versionId } from "../../../shared/package/ids.ts";
import { type LogError, readErrorLog } from "../../destinations/jobLogs.ts";
import {
  type ImportOutcome,
  importOutcome,
  type NamedItems,
} from "../../domain/packages/importOutcome.ts";
import { sealedItems } from "../../domain/packages/packageManifest.ts";
import { placeInLibrary } from "../../domain/packages/places.ts";
import type { Plan } from "../../domain/packages/plan.ts";
import type { PackageRecord, Target } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import type { PackageRef } from "../../stores/rounds/refs.ts";
import { readPlan, readRefused, readUpload, writeRefused } from "../../stores/rounds/roundBlobs.ts";
import { allJobNews } from "./jobNews.ts";
import { guardLent, openContainers } from "./packageContainers.ts";

type Job = PackageRecord & { job: string };

/** What the events and the error log of a package's job say about its items. */
export async function judgeImport(
  app: Services,
  ref: PackageRef,
  pkg: Job,
  target: Target,
  { plan, upload }: { plan: Plan; upload: UploadResult | undefined },
): Promise<ImportOutcome> {
  const [events, log] = await Promise.all([
    allJobNews(app, ref, pkg, target),
    errorLog(app, ref, pkg),
  ]);
  return importOutcome(events, namedItems(plan, upload, target), log);
}

/**
 * The log cannot be read any more when the package's key has expired, or SharePoint lends its container no longer, which it may end
 * while the job still waits; then events and the destination have to do.
 */
async function errorLog(app: Services, ref: PackageRef, pkg: Job): Promise<LogError[]> {
  try {
    const { manifests, key } = await openContainers(app, ref, pkg);
    const read = () => readErrorLog(manifests, pkg.job, key);
    return await (pkg.key && pkg.containers?.lent ? guardLent(pkg.key, read) : read());
  } catch (error) {
    if (error instanceof LongshoreError && OVER.has(error.code)) return [];
    throw error;
  }
}

const OVER = new Set<ErrorCode>(["CONTAINER_EXPIRED", "CONTAINER_REFUSED"]);

function namedItems(plan: Plan, upload: UploadResult | undefined, target: Target): NamedItems {
  const { folders, files } = sealedItems(plan, upload);
  const ids = new Map<string, string>();
  const urls = new Map<string, string>();
  const libraryUrl = target.rootFolderUrl.slice(target.webUrl.replace(/\/$/, "").length + 1);
  for (const item of [...folders, ...files.map((file) => file.item)]) {
    for (const id of [item.id, item.listItemId]) if (id) ids.set(id, item.path);
    urls.set(`${libraryUrl}/${placeInLibrary(target, item)}`.toLowerCase(), item.path);
  }
  const contents = new Map<string, number>();
  for (const { item, content } of files) {
    const { versions = [] } = content;
    contents.set(item.path, versions.length + 1);
    if (versions.length > 0)
      for (const each of [...versions, content])
        ids.set(versionId(item.id as string, each), item.path);
  }
  return { ids, urls, files: contents };
}

/**
 * Notes which items made SharePoint give up a job, so that the next attempt does without them. A hundred errors end a job
 * ("Operation canceled"), and the same items would end the next one as well.
 */
export async function noteRefused(
  app: Services,
  ref: PackageRef,
  pkg: Job,
  target: Target,
): Promise<void> {
  const { plans } = app.state;
  const plan = await readPlan(plans, ref, pkg.attempt);
  if (!plan) return;
  const upload = await readUpload(plans, ref, pkg);
  const { errors } = await judgeImport(app, ref, pkg, target, { plan, upload });
  if (errors.size > 0) await writeRefused(plans, ref, pkg.attempt, errors);
}

/** Leaves out of a plan what SharePoint refused in earlier attempts, and what lies in folders that it refused. */
export async function dropRefused(
  { state }: Pick<Services, "state">,
  ref: PackageRef,
  { attempt }: PackageRecord,
  plan: Plan,
): Promise<void> {
  const refused = new Map<string, Issue>();
  for (let earlier = 1; earlier <= attempt; earlier++)
    for (const [path, issue] of await readRefused(state.plans, ref, earlier))
      refused.set(path, issue);
  if (refused.size === 0) return;
  for (const item of plan.items) {
    if (item.action !== "migrate") continue;
    const above = plan.items.find(
      ({ kind, action, path }) =>
        kind === "folder" && action === "fail" && item.path.startsWith(`${path}/`),
    );
    const issue =
      refused.get(item.path) ??
      (above && {
        code: "PARENT_NOT_MIGRATED" as const,
        message: `the folder ${above.path} is not migrated`,
      });
    if (issue) Object.assign(item, { action: "fail", issue });
  }
}
