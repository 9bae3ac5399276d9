import type { Issue } from "../../../shared/contracts/inventory.ts";
import { isFatal, type JobEvent, saidBy } from "../../destinations/jobEvents.ts";
import type { LogError } from "../../destinations/jobLogs.ts";

/**
 * What the events of a job say about the items of its package. There is no event for success: an item has arrived when the
 * job ended, no error names it, and the number of files agrees; otherwise the destination itself is asked.
 */
export interface ImportOutcome {
  errors: Map<string, Issue>;
  /** The job stopped before it was through. */
  fatal?: Issue;
  /** Whether the counts of the job confirm every file that no error names. */
  confirmed: boolean;
}

const GUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi;

/** What of a package SharePoint may speak of, each with the path it is known by here. */
export interface NamedItems {
  /** Keyed by every id an item may be named by: file, version, folder, list item. */
  ids: ReadonlyMap<string, string>;
  /** Keyed by web-relative URL in lower case. */
  urls: ReadonlyMap<string, string>;
  /** How many contents each file has, by its path: the current one and the older versions. */
  files: ReadonlyMap<string, number>;
}

/**
 * Events may come twice and in any order, and some may be missing: what they do not agree on is not confirmed. `log` are the
 * errors of the job's log, which may know of more.
 */
export function importOutcome(
  events: readonly JobEvent[],
  { ids, urls, files }: NamedItems,
  log: readonly LogError[] = [],
): ImportOutcome {
  const errors = new Map<string, Issue>();
  let fatal: Issue | undefined;
  const filesFailed = new Set<string>();
  let doubtful = false;
  let end: JobEvent | undefined;
  const told = new Map(events.map((event) => [event.text, event]));
  let errorEvents = 0;
  for (const event of told.values()) {
    if (event.event === "JobError") {
      errorEvents++;
      const path = pathOf(event, ids, urls);
      if (path === undefined) doubtful = true;
      else if (event.objectType === "File") filesFailed.add(path);
      // An error of its list item says nothing about whether the file was created.
      else if (files.has(path)) doubtful = true;
      if (path !== undefined && !errors.has(path))
        errors.set(path, { code: "IMPORT_ITEM_FAILED", message: saidBy(event) });
    } else if (isFatal(event)) fatal ??= { code: "IMPORT_JOB_FAILED", message: saidBy(event) };
    else if (event.event === "JobEnd") end = event;
  }
  // Of more errors than events told of, some item's may be missing; which ones, the log may know.
  doubtful ||= (end?.totalErrors ?? 0) > errorEvents;
  for (const { ids: named, text } of log) {
    const path = named.map((id) => ids.get(id)).find((found) => found !== undefined);
    if (path === undefined || errors.has(path)) continue;
    doubtful = true;
    errors.set(path, { code: "IMPORT_ITEM_FAILED", message: `SharePoint's log: ${text}` });
  }
  return {
    errors,
    ...(fatal && { fatal }),
    confirmed: end !== undefined && !fatal && !doubtful && agrees(end, files, filesFailed),
  };
}

/** Whether a job says that it has created as many files as its package has, and as many versions of them, where there are any. */
function agrees(
  { filesCreated, contentsCreated }: JobEvent,
  files: NamedItems["files"],
  failed: ReadonlySet<string>,
): boolean {
  const arrived = [...files].filter(([path]) => !failed.has(path));
  const contents = arrived.reduce((sum, [, count]) => sum + count, 0);
  if (filesCreated === undefined) return contentsCreated === contents;
  const hasVersions = contents > arrived.length;
  return filesCreated === arrived.length && (!hasVersions || contentsCreated === contents);
}

/** An error names its item by id, by list item or by URL; sometimes the id stands only somewhere in the text. */
function pathOf(
  event: JobEvent,
  ids: ReadonlyMap<string, string>,
  urls: ReadonlyMap<string, string>,
): string | undefined {
  const byId = ids.get(event.id) ?? urls.get(event.url.toLowerCase());
  if (byId !== undefined) return byId;
  for (const [guid] of event.text.matchAll(GUID)) {
    const found = ids.get(guid.toLowerCase());
    if (found !== undefined) return found;
  }
  return undefined;
}
