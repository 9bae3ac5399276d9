import { mkdir, utimes } from "node:fs/promises";
import type { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTick } from "node:timers/promises";
import type { Faults } from "../faults.ts";
import type {
  FileObject,
  FolderObject,
  ListItemObject,
  PackageObject,
} from "../package/manifest.ts";
import type { ImportPackage } from "../package/read-package.ts";
import { transact } from "../record/database.ts";
import { type ItemStore, parentOf } from "../record/item-store.ts";
import type { Job } from "../record/job-store.ts";
import { diskPath, type LibraryFolders } from "../record/library-folder.ts";
import { type Library, locate, type Site } from "../sites.ts";
import { hresult } from "./error-codes.ts";
import type { Complaint, EventFactory, JobEvent } from "./events.ts";
import { asItemFailure, type ItemFailure, JobFailure } from "./failures.ts";
import { importFile } from "./import-file.ts";
import { forEachParallel } from "./parallel.ts";
import { claimPlaces, type Place } from "./places.ts";
import { checkRoles, checkScope, describeScope } from "./role-assignments.ts";
import { type Statistics, statistics } from "./statistics.ts";

/** Objects that are claimed, written and recorded together: two transactions per batch. */
const BATCH_SIZE = 250;
const PARALLEL_WRITES = 8;
/** MS docs: a job with 100 item errors is cancelled. */
const MAX_ITEM_ERRORS = 100;
/** Columns every document library has. */
const KNOWN_COLUMNS = new Set(
  "Title Author Editor Created Modified ContentType ContentTypeId FileLeafRef FileRef Description".split(
    " ",
  ),
);

export interface ImportContext {
  site: Site;
  job: Job;
  key: Buffer;
  database: DatabaseSync;
  items: ItemStore;
  folders: LibraryFolders;
  faults: () => Faults;
  events: EventFactory;
  emit: (event: JobEvent) => void;
  /** Aborted when the job must not go on: it was deleted, or the simulator is stopping. */
  signal: AbortSignal;
}

/** What became of an object on its way through a batch. */
interface Step {
  object: PackageObject;
  place?: Place;
  failure?: ItemFailure | undefined;
  sizes?: number[];
}

/**
 * Imports a package, object by object in document order. Running it again after a crash at any point gives the same
 * result: what an earlier run claimed or wrote is recognised by its ids.
 * Returns the statistics for JobEnd. Throws JobFailure for what ends a job, and the reason of `signal` if it is aborted.
 */
export async function importJob(context: ImportContext, pkg: ImportPackage): Promise<Statistics> {
  const { site, job, database, items, folders, events } = context;
  const stats = statistics();
  stats.counts.expected = pkg.objects.length;
  const touchedFolders = new Map<string, { library: Library; path: string }>();
  const listItems = new Map<string, ListItemObject>();
  for (const object of pkg.objects) {
    if (object.type === "listItem" && object.docId) listItems.set(object.docId, object);
  }
  const places = claimPlaces(context, pkg, listItems);

  const warn = (about: Complaint) => {
    stats.counts.warnings++;
    context.emit(events.warning(about));
  };
  const isOver = () => stats.counts.errors >= MAX_ITEM_ERRORS;
  const fail = (step: Step, error: unknown) => {
    step.failure = asItemFailure(error);
    stats.counts.errors++;
  };

  transact(database, () => {
    for (const message of pkg.warnings) warn(aboutPackage(message));
    if (job.webId !== site.webId)
      warn(aboutPackage(`The web ${job.webId} is not the web of ${site.url}`));
  });
  checkTargets(site, pkg.objects);

  for (let start = 0; start < pkg.objects.length && !isOver(); start += BATCH_SIZE) {
    context.signal.throwIfAborted();
    const steps: Step[] = pkg.objects
      .slice(start, start + BATCH_SIZE)
      .map((object) => ({ object }));
    await compareFolders(steps);
    transact(database, () => steps.forEach(claim));
    await write(steps);
    context.signal.throwIfAborted();
    transact(database, () => {
      steps.forEach(record);
      context.emit(events.progress(stats.progress()));
    });
    await nextTick();
  }
  await restoreFolderTimes();
  if (isOver()) throw new JobFailure("Operation canceled", hresult.operationCanceled);
  return stats;

  /** Brings the record of the folders that the batch writes to in step with the disk. */
  async function compareFolders(steps: Step[]): Promise<void> {
    for (const { object } of steps) {
      if (object.type !== "file" && object.type !== "folder") continue;
      const location = locate(site, object.url);
      if (location) await folders.compareOnce(location.library, parentOf(location.path));
    }
  }

  function claim(step: Step): void {
    const { object } = step;
    if ((object.type !== "file" && object.type !== "folder") || isOver()) return;
    try {
      step.place = places.claim(object);
    } catch (error) {
      fail(step, error);
    }
  }

  async function write(steps: Step[]): Promise<void> {
    for (const step of steps) {
      if (step.object.type !== "folder" || !step.place || step.place.path === "") continue;
      try {
        places.requireIntactParent(step.object, step.place);
        await mkdir(diskPath(step.place.library, step.place.path)).catch(ignoreExisting);
      } catch (error) {
        places.markFailed(step.object.id);
        fail(step, error);
      }
    }
    const files = steps.filter((step) => step.object.type === "file" && step.place);
    await forEachParallel(files, PARALLEL_WRITES, async (step) => {
      if (isOver() || context.signal.aborted) return;
      const file = step.object as FileObject;
      try {
        places.requireIntactParent(file, step.place!);
        step.sizes = await importFile(context, pkg, file, step.place!);
      } catch (error) {
        fail(step, error);
      }
    });
  }

  function record(step: Step): void {
    const { object } = step;
    if (object.type === "file" || object.type === "folder") recordItem(step, object);
    else if (isOver()) return;
    else if (object.type === "listItem") recordListItem(object);
    else if (object.type === "roleAssignments") {
      for (const scope of object.scopes) {
        const complaint = checkScope(scope, { site, items, principals: pkg.principals });
        if (complaint) failWith(complaint);
        else items.setPermissions(site.name, scope.objectId, describeScope(scope, pkg.principals));
      }
      stats.object("DeploymentRoleAssignments", object.id);
    } else if (object.type === "roles") {
      const complaint = checkRoles(object);
      if (complaint) failWith(complaint);
      stats.object("DeploymentRoles", object.id);
    } else {
      stats.object(object.type === "list" ? "SPDocumentLibrary" : object.objectType, object.id);
    }
  }

  function recordItem(step: Step, object: FileObject | FolderObject): void {
    const { place, sizes } = step;
    const isDone = !step.failure && place && (object.type === "folder" || sizes);
    if (!isDone) {
      places.markFailed(object.id);
      if (place) items.dropClaim(site.name, object.id);
      // Neither done nor failed: the job came to its end before it was this object's turn.
      if (!step.failure) return;
      context.emit(
        events.error({
          ...aboutItem(object),
          code: step.failure.code,
          message: step.failure.message,
        }),
      );
    } else if (place.path !== "") {
      const listItem = listItems.get(object.id);
      const person = (id: string | undefined) => resolvePerson(object, id);
      places.save(object, place, {
        size: sizes?.at(-1) ?? 0,
        created: object.created ?? null,
        modified: object.modified ?? null,
        author: person(object.author ?? listItem?.author),
        editor: person(object.editor ?? listItem?.editor),
        version: object.type === "file" ? object.content.version : null,
        versionCount: sizes?.length ?? 1,
        listItemId: listItem?.id ?? null,
      });
      warnAboutSize(object, sizes);
      touch(object, place);
      if (sizes) stats.file(sizes);
    }
    const versions = object.type === "file" ? object.history.length : 0;
    stats.object(object.type === "file" ? "SPFile" : "SPFolder", object.id, versions);
  }

  function recordListItem(object: ListItemObject): void {
    stats.object("SPListItem", object.id);
    const docId = object.docId ?? "";
    if (places.isFailed(docId)) return;
    const location = locate(site, object.url);
    const item =
      items.byId(site.name, docId) ??
      (location && items.byPath(location.library.listId, location.path));
    if (item?.state !== "present") {
      failWith({
        ...aboutItem(object),
        code: hresult.generic,
        message: "Missing file info for list item",
      });
      return;
    }
    for (const name of object.fieldNames) {
      if (KNOWN_COLUMNS.has(name)) continue;
      warn({
        ...aboutItem(object),
        targetIntId: item.intId,
        code: hresult.generic,
        message: `Field ${name} cannot be found. Field value will not be imported`,
      });
    }
  }

  function failWith(complaint: Complaint): void {
    stats.counts.errors++;
    context.emit(events.error(complaint));
  }

  function resolvePerson(object: FileObject | FolderObject, id: string | undefined): string | null {
    if (id === undefined) return null;
    const login = pkg.principals.get(id);
    if (login !== undefined) return login;
    warn({
      ...aboutItem(object),
      code: hresult.generic,
      message: `Failed to ensure user '${id}': it is not in UserGroup.xml; using System Account`,
    });
    return "SHAREPOINT\\system";
  }

  function warnAboutSize(object: FileObject | FolderObject, sizes: number[] | undefined): void {
    if (object.type !== "file" || !sizes) return;
    [...object.history, object.content].forEach((version, index) => {
      if (version.fileSize === undefined || version.fileSize === sizes[index]) return;
      warn({
        ...aboutItem(object),
        code: hresult.generic,
        message: `FileSize of ${version.fileValue} is ${version.fileSize} in the manifest, its content has ${sizes[index]} bytes`,
      });
    });
  }

  function touch(object: FileObject | FolderObject, { library, path }: Place): void {
    const folderPaths = object.type === "folder" ? [path, parentOf(path)] : [parentOf(path)];
    for (const folderPath of folderPaths) {
      if (folderPath === "") continue;
      touchedFolders.set(`${library.listId}:${folderPath}`, { library, path: folderPath });
    }
  }

  /** Writing into a folder changes its time: give the touched ones theirs back, the deepest first. */
  async function restoreFolderTimes(): Promise<void> {
    const deepestFirst = [...touchedFolders.values()].sort((a, b) => depth(b.path) - depth(a.path));
    for (const { library, path } of deepestFirst) {
      const modified = items.byPath(library.listId, path)?.modified;
      if (!modified) continue;
      await utimes(diskPath(library, path), new Date(modified), new Date(modified)).catch(
        (error: Error) =>
          warn(aboutPackage(`Time of folder ${path} cannot be set: ${error.message}`)),
      );
    }
  }
}

/** Web, lists and libraries that the manifest names must be the target's. Throws JobFailure. */
function checkTargets(site: Site, objects: PackageObject[]): void {
  const lists = new Set(site.libraries.map((library) => library.listId));
  for (const object of objects) {
    const { parentWebId, listId } = {
      parentWebId: "parentWebId" in object ? object.parentWebId : undefined,
      listId: object.type === "list" ? object.id : "listId" in object ? object.listId : undefined,
    };
    if (parentWebId !== undefined && parentWebId !== site.webId) {
      throw new JobFailure(`The parent web ${parentWebId} can't be found in ${site.url}`);
    }
    if (listId !== undefined && !lists.has(listId)) {
      throw new JobFailure(`The list ${listId} can't be found in ${site.url}`);
    }
  }
}

function aboutPackage(message: string): Complaint {
  return { objectType: "", url: "", id: "", code: hresult.generic, message };
}

function aboutItem(object: FileObject | FolderObject | ListItemObject) {
  const objectType = ({ file: "File", folder: "Folder", listItem: "ListItem" } as const)[
    object.type
  ];
  return { objectType, url: object.url, id: object.id, sourceIntId: object.intId };
}

function depth(path: string): number {
  return path.split("/").length;
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
