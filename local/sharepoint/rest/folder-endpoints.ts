import { mkdirSync, rmSync } from "node:fs";
import type { Faults } from "../faults.ts";
import { hresult } from "../import/error-codes.ts";
import { whyInvalid } from "../import/names.ts";
import { type Item, type ItemStore, nameOf, parentOf } from "../record/item-store.ts";
import { diskPath, type LibraryFolders, lookAt } from "../record/library-folder.ts";
import type { RecycleBin } from "../record/recycle-bin.ts";
import { type Library, locate, type Site, webRelative } from "../sites.ts";
import {
  badRequest,
  noResource,
  notFound,
  numberOption,
  type ODataRequest,
  type ODataResult,
  requirePost,
  spError,
} from "./odata.ts";

export interface FolderContext {
  items: ItemStore;
  folders: LibraryFolders;
  bin: RecycleBin;
  faults: () => Faults;
}

interface Location {
  library: Library;
  path: string;
}

/** web/GetFileByServerRelativePath(decodedurl='…'), and below it recycle(). */
export async function answerFile(
  context: FolderContext,
  site: Site,
  request: ODataRequest,
): Promise<ODataResult> {
  const location = locationOf(site, request);
  const item = location && (await findItem(context, location, "file"));
  if (!item) throw notFound("File Not Found.");
  const entity = fileEntity(location.library, item);
  return remove(context, request, location) ?? { type: "SP.File", entity };
}

/** web/GetFolderByServerRelativePath(decodedurl='…'), and below it Files, Folders and recycle(). */
export async function answerFolder(
  context: FolderContext,
  site: Site,
  request: ODataRequest,
): Promise<ODataResult> {
  return answerLocated(context, request, locationOf(site, request), request.segments[2]?.name);
}

export async function answerLocated(
  context: FolderContext,
  request: ODataRequest,
  location: Location | undefined,
  children: string | undefined,
): Promise<ODataResult> {
  const entity = location && (await folderEntity(context, location));
  if (!entity) {
    // Asked for nothing but Exists, SharePoint does not call a missing folder an error.
    if (!children && request.query.get("$select")?.trim().toLowerCase() === "exists") {
      return { type: "SP.Folder", entity: { Exists: false } };
    }
    throw notFound("File Not Found.");
  }
  if (children === "files" || children === "folders") {
    return listChildren(context, request, location, children);
  }
  const removed = location.path !== "" && remove(context, request, location);
  if (removed) return removed;
  if (children) throw noResource(children);
  return { type: "SP.Folder", entity };
}

/**
 * POST web/folders with ServerRelativeUrl, or web/folders/addUsingPath(decodedurl='…'): the folder, which is made if it is not
 * there. Its parent must be.
 */
export async function ensureFolder(
  context: FolderContext,
  site: Site,
  request: ODataRequest,
): Promise<ODataResult> {
  requirePost(request);
  const url = request.segments[2]?.args.decodedurl ?? String(request.body.ServerRelativeUrl ?? "");
  const location = toLocation(site, url);
  const parent = location && { ...location, path: parentOf(location.path) };
  if (!location || !parent || !(await folderEntity(context, parent))) {
    throw notFound("File Not Found.");
  }
  const known = await folderEntity(context, location);
  if (known) return { type: "SP.Folder", entity: known };
  const { library, path } = location;
  const problem = whyInvalid(`${library.urlName}/${path}`, path);
  if (problem) throw badRequest(problem);
  if (context.items.byPath(library.listId, path)) {
    const message = `A file or folder with the name ${library.urlName}/${path} already exists.`;
    throw spError(400, hresult.exists, message);
  }
  const above = context.items.byPath(library.listId, parent.path)?.path;
  const spelled = above === undefined ? path : `${above}/${nameOf(path)}`;
  mkdirSync(diskPath(library, spelled));
  context.folders.adoptIfOnDisk(library, spelled);
  const entity = (await folderEntity(context, location)) ?? {};
  return { type: "SP.Folder", entity, status: 201 };
}

/** POST …/recycle() puts an item into the recycle bin, DELETE deletes it for good. Nothing for other requests. */
function remove(
  { items, bin }: FolderContext,
  { method, segments }: ODataRequest,
  { library, path }: Location,
): ODataResult | undefined {
  const isRecycled = segments[2]?.name === "recycle" && method === "POST";
  if (!isRecycled && (segments[2] || method !== "DELETE")) return undefined;
  const item = items.byPath(library.listId, path);
  rmSync(diskPath(library, item?.path ?? path), { recursive: true, force: true });
  if (isRecycled) return { function: "Recycle", value: bin.add(library, path) };
  items.dropTree(library.listId, path);
  return { function: "DeleteObject", value: null };
}

async function listChildren(
  context: FolderContext,
  { query }: ODataRequest,
  { library, path }: Location,
  children: "files" | "folders",
): Promise<ODataResult> {
  const { items, folders } = context;
  const skip = numberOption(query, "$skip", 0);
  const top = numberOption(query, "$top", -1);
  // Later pages go by the record as it is, so that a listing does not shift between its pages.
  if (skip === 0) await folders.compare(library, path);
  const { listViewThreshold } = context.faults();
  if (listViewThreshold > 0 && items.countChildren(library.listId, path) > listViewThreshold) {
    const message =
      "The attempted operation is prohibited because it exceeds the list view threshold.";
    throw spError(500, -2147024860, message);
  }
  const kind = children === "files" ? "file" : "folder";
  const page = items.children(library.listId, path, kind, top, skip);
  const collection = page.map((item) =>
    kind === "file" ? fileEntity(library, item) : folderFields(context, library, item),
  );
  return { type: kind === "file" ? "SP.File" : "SP.Folder", collection };
}

/** Size and time are those on disk: what this answers is what is really there. */
function fileEntity(library: Library, item: Item) {
  const stats = lookAt(library, item.path);
  return {
    UniqueId: item.id,
    Name: item.name,
    ServerRelativeUrl: serverUrl(library, item.path),
    Exists: true,
    // Int64 travels as text in SharePoint's JSON.
    Length: String(stats?.size ?? item.size),
    TimeCreated: toSeconds(item.created),
    TimeLastModified: toSeconds(stats?.mtime.toISOString() ?? item.modified),
    UIVersionLabel: item.version ?? "1.0",
  };
}

async function folderEntity(context: FolderContext, location: Location) {
  const { library, path } = location;
  if (path !== "") {
    const item = await findItem(context, location, "folder");
    if (!item) return undefined;
    await context.folders.compareOnce(library, item.path);
    return folderFields(context, library, item);
  }
  await context.folders.compareOnce(library, "");
  const stats = lookAt(library, "");
  const created = stats?.birthtime.toISOString() ?? null;
  const modified = stats?.mtime.toISOString() ?? null;
  const [id, name] = [library.rootFolderId, library.urlName];
  return folderFields(context, library, { id, name, path, created, modified });
}

function folderFields(
  { items }: FolderContext,
  library: Library,
  {
    id,
    name,
    path,
    created,
    modified,
  }: Pick<Item, "id" | "name" | "path" | "created" | "modified">,
) {
  return {
    UniqueId: id,
    Name: name,
    ServerRelativeUrl: serverUrl(library, path),
    Exists: true,
    ItemCount: items.countChildren(library.listId, path),
    TimeCreated: toSeconds(created),
    TimeLastModified: toSeconds(modified),
  };
}

/** The item at a location if it is recorded, or can be adopted, and is on disk. */
async function findItem(
  { items, folders }: FolderContext,
  { library, path }: Location,
  kind: Item["kind"],
): Promise<Item | undefined> {
  await folders.compareOnce(library, parentOf(path));
  if (!items.byPath(library.listId, path)) folders.adoptIfOnDisk(library, path);
  const item = items.byPath(library.listId, path);
  const isThere = item?.kind === kind && item.state === "present" && lookAt(library, item.path);
  return isThere ? item : undefined;
}

function locationOf(site: Site, { segments }: ODataRequest): Location | undefined {
  const { args = {} } = segments[1] ?? {};
  return toLocation(site, args.decodedurl ?? args[""] ?? "");
}

function toLocation(site: Site, url: string): Location | undefined {
  if (url === "") throw badRequest("The URL of the item is missing");
  const relative = url.startsWith("/") ? webRelative(site, url) : url;
  const location = relative === undefined ? undefined : locate(site, relative);
  const isEscaping = location?.path.split("/").some((name) => name === "." || name === "..");
  return isEscaping ? undefined : location;
}

function serverUrl(library: Library, path: string): string {
  const root = `${library.site.url}/${library.urlName}`;
  return path === "" ? root : `${root}/${path}`;
}

/** SharePoint's times have whole seconds. */
function toSeconds(iso: string | null): string | null {
  return iso === null ? null : iso.replace(/\.\d+Z$/, "Z");
}
