import type { BlobServiceClient, ContainerItem } from "@azure/storage-blob";
import { holdsContents, isOverdue, type StoredContainer } from "../../domain/packages/retention.ts";
import type { Services } from "../../services.ts";
import { inParallel } from "../inParallel.ts";
import { audit } from "./audit.ts";

export interface RetentionResult {
  /** Containers that had their time: contents, and those with manifests and logs. */
  contents: number;
  manifests: number;
  /** Whether there was time for all of them. */
  complete: boolean;
  /** What this says nothing about: containers that SharePoint lends are its own to remove. */
  lent?: "not ours to erase";
}

/** A timer's function has to end long before the host stops it; what is left is found by the next one. */
const WORK_MS = 4 * 60_000;
const AT_ONCE = 8;

/**
 * Removes the packages' containers that have had their time from own storage; SharePoint's own it removes itself. What is removed is in
 * the audit trail before it is gone. With `dryRun` it is only counted.
 */
export async function applyRetention(
  app: Services,
  { dryRun, now = Date.now() }: { dryRun: boolean; now?: number },
): Promise<RetentionResult> {
  const { packageBlobs, regionalBlobs } = app;
  const result: RetentionResult = {
    ...{ contents: 0, manifests: 0, complete: true },
    ...(app.config.CONTAINERS === "sharepoint" && { lent: "not ours to erase" }),
  };
  const until = Date.now() + WORK_MS;
  for (const account of [packageBlobs, ...regionalBlobs.values()])
    for await (const batch of batches(account, app.config.TABLE_PREFIX)) {
      if (Date.now() > until) return { ...result, complete: false };
      await inParallel(AT_ONCE, batch, async (container) => {
        if (!(await hasHadItsTime(app, container, now))) return;
        if (!dryRun) await remove(app, account, container);
        result[holdsContents(container) ? "contents" : "manifests"]++;
      });
    }
  return result;
}

async function hasHadItsTime(
  { rounds, config }: Services,
  container: StoredContainer,
  now: number,
): Promise<boolean> {
  const limits = {
    contentDays: config.RETAIN_CONTENT_DAYS,
    containerDays: config.RETAIN_CONTAINERS_DAYS,
  };
  // Most are too young, and need no look at the tables.
  if (!isOverdue(container, undefined, limits, now)) return false;
  const row = await rounds.findPackage(container);
  return isOverdue(container, row, limits, now);
}

async function remove(
  app: Services,
  account: BlobServiceClient,
  container: StoredContainer,
): Promise<void> {
  const { name, taskId, round, segment } = container;
  await audit(app, {
    action: holdsContents(container) ? "removeContents" : "removeContainer",
    ids: { task: taskId, round: `R${round}`, package: `${segment}`, container: name },
  });
  await account.getContainerClient(name).deleteIfExists();
}

/** Containers of this app, page by page. */
async function* batches(
  account: BlobServiceClient,
  app: string,
): AsyncGenerator<StoredContainer[]> {
  const pages = account.listContainers({ includeMetadata: true }).byPage({ maxPageSize: 500 });
  for await (const { containerItems } of pages)
    yield containerItems.flatMap((item) => ours(item, app) ?? []);
}

/** What the container's metadata say of it; undefined when it is not one of this app's packages. */
function ours({ name, metadata, properties }: ContainerItem, app: string) {
  const { longshore, task, round, segment } = metadata ?? {};
  if (longshore !== app || !task || !/-[dm]$/.test(name)) return undefined;
  return {
    ...{ name, taskId: task, round: Number(round), segment: Number(segment) },
    createdAt: properties.lastModified.getTime(),
  };
}
