import type { Issue } from "../../shared/contracts/inventory.ts";
import { isFatal, type JobEvent, saidBy } from "../destinations/jobEvents.ts";

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

/**
 * `items` are keyed by every id they may be named by (file, folder, list item); `urls` by web-relative URL in lower case.
 * `files` is how many files the package has.
 */
export function importOutcome(
  events: readonly JobEvent[],
  items: ReadonlyMap<string, string>,
  urls: ReadonlyMap<string, string>,
  files: ReadonlySet<string>,
): ImportOutcome {
  const errors = new Map<string, Issue>();
  let fatal: Issue | undefined;
  const filesFailed = new Set<string>();
  let doubtful = false;
  let filesCreated: number | undefined;
  let ended = false;
  for (const event of events) {
    if (event.event === "JobError") {
      const path = pathOf(event, items, urls);
      if (path === undefined) doubtful = true;
      else if (event.objectType === "File") filesFailed.add(path);
      // An error of its list item says nothing about whether the file was created.
      else if (files.has(path)) doubtful = true;
      if (path !== undefined && !errors.has(path))
        errors.set(path, { code: "IMPORT_ITEM_FAILED", message: saidBy(event) });
    } else if (isFatal(event)) fatal ??= { code: "IMPORT_JOB_FAILED", message: saidBy(event) };
    else if (event.event === "JobEnd") {
      ended = true;
      filesCreated = event.filesCreated;
    }
  }
  return {
    errors,
    ...(fatal && { fatal }),
    confirmed: ended && !fatal && !doubtful && filesCreated === files.size - filesFailed.size,
  };
}

/** An error names its item by id, by list item or by URL; sometimes the id stands only somewhere in the text. */
function pathOf(
  event: JobEvent,
  items: ReadonlyMap<string, string>,
  urls: ReadonlyMap<string, string>,
): string | undefined {
  const byId = items.get(event.id) ?? urls.get(event.url.toLowerCase());
  if (byId !== undefined) return byId;
  for (const [guid] of event.text.matchAll(GUID)) {
    const found = items.get(guid.toLowerCase());
    if (found !== undefined) return found;
  }
  return undefined;
}
