import { isKnownLogin } from "../faults.ts";
import type {
  FileObject,
  FolderObject,
  ListItemObject,
  PackageObject,
  Scope,
} from "../package/manifest.ts";
import type { ImportPackage } from "../package/read-package.ts";
import { settleClaim } from "../record/claims.ts";
import type { Version } from "../record/item-store.ts";
import { locate } from "../sites.ts";
import type { Complaint } from "./events.ts";
import type { folderTimes } from "./folder-times.ts";
import type { ImportContext, Step } from "./import-job.ts";
import type { claimPlaces } from "./places.ts";
import { describeScope, isBuiltInRole, whyUnknown } from "./role-assignments.ts";
import type { Statistics } from "./statistics.ts";

/** Columns every document library has. */
const COLUMNS =
  "Title Author Editor Created Modified ContentType ContentTypeId FileLeafRef FileRef Description";
const KNOWN_COLUMNS = new Set(COLUMNS.split(" "));

interface Tools {
  stats: Statistics;
  places: ReturnType<typeof claimPlaces>;
  times: ReturnType<typeof folderTimes>;
}

/** Puts into the record, the statistics and the events what became of the objects of a package. */
export function recorder(context: ImportContext, pkg: ImportPackage, tools: Tools) {
  const { site, job, items, events } = context;
  const { stats, places, times } = tools;

  return {
    packageWarnings(): void {
      for (const message of pkg.warnings) warn({ message });
      if (job.webId !== site.webId && context.faults().strictness !== "lenient") {
        warn({ message: `The web ${job.webId} is not the web of ${site.url}` });
      }
      for (const { name, isGroup, isDeleted } of pkg.principals.values()) {
        if (isGroup || isDeleted || isKnownLogin(context.faults(), name)) continue;
        const message = `Failed to retrieve user '${name}' attributes from the SiteUsers; falling back to passed in values`;
        warn({ message });
      }
    },
    packageWarning: (message: string) => warn({ message }),
    /** `isOver`: the job has failed and only tells what has happened until then. */
    step(step: Step, isOver: boolean): void {
      const { object } = step;
      if (object.type === "file" || object.type === "folder") recordItem(step, object);
      else if (!isOver) recordOther(object);
    },
  };

  function recordItem(step: Step, object: FileObject | FolderObject): void {
    const { place, sizes, failure } = step;
    const isDone = place && !failure && (object.type === "folder" || sizes);
    if (isDone) {
      if (place.path !== "") saveItem(object, step);
    } else {
      if (place)
        settleClaim(items, place.library, { id: object.id, kind: object.type, path: place.path });
      // Neither done nor failed: the job came to its end before it was this object's turn.
      if (!failure) return;
      const { code, message } = failure;
      context.emit(events.error({ ...about(object), code, message }));
    }
    const versions = object.type === "file" ? object.history.length : 0;
    stats.object(object.objectType, object.id, versions);
  }

  function saveItem(object: FileObject | FolderObject, { place, sizes }: Step): void {
    if (!place) return;
    const listItem = pkg.listItems.get(object.id);
    const versions = object.type === "file" && sizes ? versionsOf(object, sizes) : [];
    places.save(object, place, {
      size: sizes?.at(-1) ?? 0,
      created: object.created ?? null,
      modified: object.modified ?? null,
      author: resolvePerson(object, object.author ?? listItem?.author),
      editor: resolvePerson(object, object.editor ?? listItem?.editor),
      version: versions.at(-1)?.label ?? null,
      versions,
      listItemId: listItem?.id ?? null,
    });
    times.written(object.type, place);
    if (object.type !== "file" || !sizes) return;
    stats.file(sizes);
    for (const [index, version] of [...object.history, object.content].entries()) {
      const { fileSize, fileValue } = version;
      if (fileSize === undefined || fileSize === sizes[index]) continue;
      const message = `FileSize of ${fileValue} is ${fileSize} in the manifest, its content has ${sizes[index]} bytes`;
      warn({ ...about(object), message });
    }
  }

  /** The history that the item has from now on: this package's, or what was there before and then this package's. */
  function versionsOf(file: FileObject, sizes: number[]): Version[] {
    const isAppended = context.faults().existing === "append";
    const before = isAppended ? items.byId(site.name, file.id)?.versions : undefined;
    const kept = (before ?? []).filter((version) => version.jobId !== job.id);
    const major = Number.parseInt(kept.at(-1)?.label ?? "0", 10);
    const added = [...file.history, file.content].map((version, index) => ({
      label: major === 0 ? version.version : `${major + index + 1}.0`,
      size: sizes[index] ?? 0,
      editor: pkg.principals.get(version.editor ?? "")?.name ?? null,
      modified: version.modified ?? null,
      jobId: job.id,
    }));
    const all = [...kept, ...added];
    return context.faults().versioning
      ? all
      : all.slice(-1).map((each) => ({ ...each, label: "1.0" }));
  }

  function recordOther(object: Exclude<PackageObject, FileObject | FolderObject>): void {
    if (object.type === "listItem") recordListItem(object);
    if (object.type === "roleAssignments") object.scopes.forEach(recordScope);
    if (object.type === "roles" && object.roleIds.some(isBuiltInRole)) {
      fail({ id: object.id, message: "Updates to system roles is not allowed" });
    }
    stats.object(object.objectType, object.id);
  }

  function recordListItem(object: ListItemObject): void {
    const docId = object.docId ?? "";
    // The file's or folder's own error says it all.
    if (places.isFailed(docId)) return;
    const location = locate(site, object.url);
    const item =
      items.byId(site.name, docId) ??
      (location && items.byPath(location.library.listId, location.path));
    if (item?.state !== "present") {
      fail({ ...about(object), message: "Missing file info for list item" });
      return;
    }
    for (const name of object.fieldNames) {
      if (KNOWN_COLUMNS.has(name)) continue;
      const message = `Field ${name} cannot be found. Field value will not be imported`;
      warn({ ...about(object), targetIntId: item.intId, message });
    }
  }

  function recordScope(scope: Scope): void {
    const { objectId: id, objectUrl: url } = scope;
    const message = whyUnknown(scope, { site, items, principals: pkg.principals });
    if (message) fail({ objectType: "RoleAssignment", url, id, message });
    else items.setPermissions(site.name, id, describeScope(scope, pkg.principals));
  }

  function resolvePerson(object: FileObject | FolderObject, id: string | undefined): string | null {
    if (id === undefined) return null;
    const principal = pkg.principals.get(id);
    if (principal) return principal.name;
    const message = `Failed to ensure user '${id}': it is not in UserGroup.xml; using System Account`;
    warn({ ...about(object), message });
    return "SHAREPOINT\\system";
  }

  function warn(complaint: Complaint): void {
    stats.counts.warnings++;
    context.emit(events.warning(complaint));
  }

  function fail(complaint: Complaint): void {
    stats.counts.errors++;
    context.emit(events.error(complaint));
  }
}

const objectTypes = { file: "File", folder: "Folder", listItem: "ListItem" } as const;

function about(object: FileObject | FolderObject | ListItemObject) {
  const { type, url, id, intId } = object;
  return { objectType: objectTypes[type], url, id, sourceIntId: intId };
}
