import { mkdir } from "node:fs/promises";
import type { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTick } from "node:timers/promises";
import { type Faults, happens } from "../faults.ts";
import type { PackageKey } from "../package/blobs.ts";
import type { FileObject, FolderObject, PackageObject } from "../package/manifest.ts";
import type { ImportPackage } from "../package/read-package.ts";
import { transact } from "../record/database.ts";
import { type ItemStore, parentOf } from "../record/item-store.ts";
import type { Job } from "../record/job-store.ts";
import { diskPath, type LibraryFolders } from "../record/library-folder.ts";
import type { RecycleBin } from "../record/recycle-bin.ts";
import { locate, type Site } from "../sites.ts";
import { hresult } from "./error-codes.ts";
import type { EventFactory, JobEvent } from "./events.ts";
import { asItemFailure, type ItemFailure, JobFailure } from "./failures.ts";
import { folderTimes } from "./folder-times.ts";
import { importFile } from "./import-file.ts";
import { forEachParallel } from "./parallel.ts";
import { claimPlaces, type Place } from "./places.ts";
import { recorder } from "./recorder.ts";
import { type Statistics, statistics } from "./statistics.ts";

/** Objects that are claimed, written and recorded together: two transactions per batch. */
const BATCH_SIZE = 250;
const PARALLEL_WRITES = 8;
/** MS docs: a job with 100 item errors is cancelled. */
const MAX_ITEM_ERRORS = 100;
/** A batch can take long when its files are large; progress is reported all the same. */
const PROGRESS_INTERVAL_MS = 10_000;

export interface ImportContext {
  site: Site;
  job: Job;
  key: PackageKey;
  database: DatabaseSync;
  items: ItemStore;
  folders: LibraryFolders;
  bin: RecycleBin;
  faults: () => Faults;
  events: EventFactory;
  emit: (event: JobEvent) => void;
  /** Aborted when the job must not go on: it was deleted, or the simulator is stopping. */
  signal: AbortSignal;
}

/** An object on its way through a batch. Only files and folders have a place, and only files have content. */
export interface Step {
  object: PackageObject;
  place?: Place;
  failure?: ItemFailure;
  /** Plain sizes of the versions that arrived, the current one last. */
  sizes?: number[];
}

/**
 * Imports a package, object by object in document order. Running it again after a crash at any point gives the same
 * result: what an earlier run claimed or wrote is recognised by its ids.
 * Returns the statistics for JobEnd. Throws JobFailure for what ends a job, and the reason of `signal` if it is aborted.
 */
export async function importJob(context: ImportContext, pkg: ImportPackage): Promise<Statistics> {
  const { database, events, emit, signal, job } = context;
  const { fatalErrorRate, fatalErrorMessage } = context.faults();
  const isDoomed = happens(context.faults(), fatalErrorRate, "fatal", job.number);
  const objects = isDoomed ? pkg.objects.slice(0, pkg.objects.length / 2) : pkg.objects;
  const stats = statistics(pkg.objects.length);
  const places = claimPlaces(context, pkg);
  const times = folderTimes(context.items);
  const record = recorder(context, pkg, { stats, places, times });
  const isOver = () => stats.counts.errors >= MAX_ITEM_ERRORS;
  const reportProgress = () => emit(events.progress(stats.progress()));

  transact(database, () => record.packageWarnings());
  checkTargets(context.site, pkg.objects);

  const timer = setInterval(reportProgress, PROGRESS_INTERVAL_MS);
  try {
    for (let start = 0; start < objects.length && !isOver(); start += BATCH_SIZE) {
      signal.throwIfAborted();
      const batch = objects.slice(start, start + BATCH_SIZE);
      const steps = batch.map((object): Step => ({ object }));
      await compareFolders(steps);
      transact(database, () => steps.forEach(claim));
      await makeFolders(steps);
      await writeFiles(steps);
      // Also of a job that is being stopped: what has been written must not lie there unrecorded.
      transact(database, () => {
        for (const step of steps) record.step(step, isOver());
        reportProgress();
      });
      await nextTick();
    }
    signal.throwIfAborted();
  } finally {
    clearInterval(timer);
  }
  for (const problem of await times.restore()) record.packageWarning(problem);
  if (isDoomed) throw new JobFailure(fatalErrorMessage, hresult.operationCanceled);
  if (isOver()) throw new JobFailure("Operation canceled", hresult.operationCanceled);
  return stats;

  /** Brings the record of the folders that the batch writes to in step with the disk. */
  async function compareFolders(steps: Step[]): Promise<void> {
    for (const { object } of steps) {
      const location = isPlaced(object) ? locate(context.site, object.url) : undefined;
      if (!location) continue;
      await context.folders.compareOnce(location.library, parentOf(location.path));
    }
  }

  /** What is claimed is in the record before it is on disk: a crash in between leaves no file of unknown origin. */
  function claim(step: Step): void {
    if (!isPlaced(step.object) || isOver()) return;
    try {
      step.place = places.claim(step.object);
    } catch (error) {
      fail(step, error);
    }
  }

  async function makeFolders(steps: Step[]): Promise<void> {
    for (const step of steps) {
      const { object, place } = step;
      if (object.type !== "folder" || !place || place.path === "") continue;
      try {
        places.requireIntactParent(object, place);
        await mkdir(diskPath(place.library, place.path)).catch(ignoreExisting);
      } catch (error) {
        fail(step, error);
      }
    }
  }

  async function writeFiles(steps: Step[]): Promise<void> {
    await forEachParallel(steps, PARALLEL_WRITES, async (step) => {
      const { object, place } = step;
      if (object.type !== "file" || !place || isOver() || signal.aborted) return;
      try {
        places.requireIntactParent(object, place);
        step.sizes = await importFile(context, pkg, object, place);
      } catch (error) {
        if (!signal.aborted) fail(step, error);
      }
    });
  }

  function fail(step: Step, error: unknown): void {
    step.failure = asItemFailure(error);
    stats.counts.errors++;
    if (isPlaced(step.object)) places.markFailed(step.object.id);
  }
}

/** Web, lists and libraries that the manifest names must be the target's. Throws JobFailure. */
function checkTargets(site: Site, objects: PackageObject[]): void {
  const lists = new Set(site.libraries.map((library) => library.listId));
  for (const object of objects) {
    const parentWebId = "parentWebId" in object ? object.parentWebId : undefined;
    const listId =
      object.type === "list" ? object.id : "listId" in object ? object.listId : undefined;
    if (parentWebId !== undefined && parentWebId !== site.webId) {
      throw new JobFailure(`The parent web ${parentWebId} can't be found in ${site.url}`);
    }
    if (listId !== undefined && !lists.has(listId)) {
      throw new JobFailure(`The list ${listId} can't be found in ${site.url}`);
    }
  }
}

function isPlaced(object: PackageObject): object is FileObject | FolderObject {
  return object.type === "file" || object.type === "folder";
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
