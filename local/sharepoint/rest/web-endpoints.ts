import { stat } from "node:fs/promises";
import { hresult } from "../import/error-codes.ts";
import { type Item, type ItemStore, parentOf } from "../record/item-store.ts";
import { diskPath, type LibraryFolders, lookAt } from "../record/library-folder.ts";
import { type Library, locate, type Site, webRelative } from "../sites.ts";
import { ensureUser } from "./identity-endpoints.ts";
import {
  badRequest,
  numberOption,
  ODataError,
  type ODataRequest,
  type ODataResult,
} from "./odata.ts";

export interface WebEndpoints {
  site: Site;
  origin: string;
  items: ItemStore;
  folders: LibraryFolders;
}

interface Location {
  library: Library;
  path: string;
}

/** Answers `/_api/web` and what is below it. */
export async function answerWeb(
  context: WebEndpoints,
  request: ODataRequest,
): Promise<ODataResult> {
  const { site, origin } = context;
  const name = request.segments[1]?.name ?? "";
  switch (name) {
    case "":
      return {
        type: "SP.Web",
        entity: {
          Id: site.webId,
          Url: `${origin}${site.url}`,
          ServerRelativeUrl: site.url,
          Title: site.name,
        },
      };
    case "rootfolder":
      return {
        type: "SP.Folder",
        entity: {
          UniqueId: site.webRootFolderId,
          ServerRelativeUrl: site.url,
          Name: "",
          Exists: true,
        },
      };
    case "lists":
      return answerLists(context, request);
    case "getfilebyserverrelativepath":
    case "getfilebyserverrelativeurl":
      return answerFile(context, request);
    case "getfolderbyserverrelativepath":
    case "getfolderbyserverrelativeurl":
      return answerFolder(context, request);
    case "ensureuser":
      return ensureUser(request);
    default:
      throw notFound(`Cannot find resource for the request ${name}.`);
  }
}

async function answerLists(context: WebEndpoints, request: ODataRequest): Promise<ODataResult> {
  const { site, origin } = context;
  const lookup = request.segments[2];
  if (!lookup) {
    return {
      type: "SP.List",
      collection: site.libraries.map((library) => listEntity(context, library)),
    };
  }
  const wanted = (lookup.args[""] ?? "").toLowerCase();
  const library = site.libraries.find(
    ({ title, listId }) => (lookup.name === "getbyid" ? listId : title.toLowerCase()) === wanted,
  );
  if (!library) {
    throw new ODataError(
      404,
      -1,
      "System.ArgumentException",
      `List '${lookup.args[""]}' does not exist at site with URL '${origin}${site.url}'.`,
    );
  }
  if (request.segments[3]?.name === "rootfolder") {
    return answerLocatedFolder(context, request, { library, path: "" }, request.segments[4]?.name);
  }
  return { type: "SP.List", entity: listEntity(context, library) };
}

function listEntity({ items }: WebEndpoints, library: Library): Record<string, unknown> {
  return {
    Id: library.listId,
    Title: library.title,
    // 101 is the document library.
    BaseTemplate: 101,
    ItemCount: items.countAll(library.listId),
    RootFolder: {
      UniqueId: library.rootFolderId,
      Name: library.urlName,
      ServerRelativeUrl: serverUrl(library, ""),
    },
  };
}

async function answerFile(context: WebEndpoints, request: ODataRequest): Promise<ODataResult> {
  const location = locationOf(context, request);
  const item = location && (await findItem(context, location, "file"));
  const entity = item && (await fileEntity(location.library, item));
  if (!entity) throw notFound("File Not Found.");
  return { type: "SP.File", entity };
}

async function answerFolder(context: WebEndpoints, request: ODataRequest): Promise<ODataResult> {
  const location = locationOf(context, request);
  return answerLocatedFolder(context, request, location, request.segments[2]?.name);
}

async function answerLocatedFolder(
  context: WebEndpoints,
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
  if (!children) return { type: "SP.Folder", entity };
  if (children !== "files" && children !== "folders") {
    throw notFound(`Cannot find resource for the request ${children}.`);
  }
  return listChildren(context, request, location, children);
}

async function listChildren(
  context: WebEndpoints,
  { query }: ODataRequest,
  location: Location,
  children: "files" | "folders",
): Promise<ODataResult> {
  const { items, folders } = context;
  const { library, path } = location;
  const skip = numberOption(query, "$skip", 0);
  const top = numberOption(query, "$top", -1);
  // Later pages go by the record as it is, so that a listing does not shift between its pages.
  if (skip === 0) await folders.compare(library, path);
  const kind = children === "files" ? "file" : "folder";
  const page = items.children(library.listId, path, kind, top, skip);
  const collection = await Promise.all(
    page.map(async (item) =>
      kind === "file"
        ? ((await fileEntity(library, item)) ?? recordedFile(library, item))
        : folderFields(context, library, item),
    ),
  );
  return { type: kind === "file" ? "SP.File" : "SP.Folder", collection };
}

/** Size and time are those on disk: what this answers is what is really there. */
async function fileEntity(library: Library, item: Item) {
  const stats = await stat(diskPath(library, item.path)).catch(() => undefined);
  if (!stats?.isFile()) return undefined;
  return {
    ...recordedFile(library, item),
    Length: String(stats.size),
    TimeLastModified: toSeconds(stats.mtime.toISOString()),
  };
}

function recordedFile(library: Library, item: Item) {
  return {
    UniqueId: item.id,
    Name: item.name,
    ServerRelativeUrl: serverUrl(library, item.path),
    Exists: true,
    // Int64 travels as text in SharePoint's JSON.
    Length: String(item.size),
    TimeCreated: toSeconds(item.created),
    TimeLastModified: toSeconds(item.modified),
    UIVersionLabel: item.version ?? "1.0",
  };
}

async function folderEntity(context: WebEndpoints, location: Location) {
  const { library, path } = location;
  if (path !== "") {
    const item = await findItem(context, location, "folder");
    if (!item) return undefined;
    await context.folders.compareOnce(library, item.path);
    return folderFields(context, library, item);
  }
  await context.folders.compareOnce(library, "");
  const stats = lookAt(library, "");
  return {
    UniqueId: library.rootFolderId,
    Name: library.urlName,
    ServerRelativeUrl: serverUrl(library, ""),
    Exists: true,
    ItemCount: context.items.countChildren(library.listId, ""),
    TimeCreated: toSeconds(stats?.birthtime.toISOString() ?? null),
    TimeLastModified: toSeconds(stats?.mtime.toISOString() ?? null),
  };
}

function folderFields({ items }: WebEndpoints, library: Library, item: Item) {
  return {
    UniqueId: item.id,
    Name: item.name,
    ServerRelativeUrl: serverUrl(library, item.path),
    Exists: true,
    ItemCount: items.countChildren(library.listId, item.path),
    TimeCreated: toSeconds(item.created),
    TimeLastModified: toSeconds(item.modified),
  };
}

/** The item at a location if it is recorded, or can be adopted, and is on disk. */
async function findItem(
  { items, folders }: WebEndpoints,
  { library, path }: Location,
  kind: Item["kind"],
): Promise<Item | undefined> {
  await folders.compareOnce(library, parentOf(path));
  if (!items.byPath(library.listId, path)) folders.adoptIfOnDisk(library, path);
  const item = items.byPath(library.listId, path);
  const isThere = item?.kind === kind && item.state === "present" && lookAt(library, item.path);
  return isThere ? item : undefined;
}

function locationOf({ site }: WebEndpoints, request: ODataRequest): Location | undefined {
  const args = request.segments[1]?.args ?? {};
  const url = args.decodedurl ?? args[""];
  if (!url) throw badRequest("decodedurl is missing");
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

function notFound(message: string): ODataError {
  return new ODataError(404, hresult.fileNotFound, "System.IO.FileNotFoundException", message);
}
