import type { Library } from "../sites.ts";
import type { FolderContext } from "./folder-endpoints.ts";
import { answerFile, answerFolder, answerLocated, ensureFolder } from "./folder-endpoints.ts";
import {
  answerSiteUsers,
  ensureUser,
  type IdentityContext,
  roleDefinitions,
  siteGroups,
} from "./identity-endpoints.ts";
import {
  noResource,
  notFound,
  ODataError,
  type ODataRequest,
  type ODataResult,
  requirePost,
  spError,
  textOf,
} from "./odata.ts";
import type { Asked } from "./site-endpoints.ts";

export interface WebContext extends FolderContext, IdentityContext {
  createLibrary(site: Asked["site"], title: string): Library;
}

const DOCUMENT_LIBRARY = 101;

/** Answers `/_api/web` and what is below it. */
export async function answerWeb(
  context: WebContext,
  asked: Asked,
  request: ODataRequest,
): Promise<ODataResult> {
  const { site, origin } = asked;
  const name = request.segments[1]?.name ?? "";
  const [Id, Url, ServerRelativeUrl] = [site.webId, `${origin}${site.url}`, site.url];
  switch (name) {
    case "":
      return { type: "SP.Web", entity: { Id, Url, ServerRelativeUrl, Title: site.name } };
    case "rootfolder": {
      const entity = { UniqueId: site.webRootFolderId, ServerRelativeUrl, Name: "", Exists: true };
      return { type: "SP.Folder", entity };
    }
    case "lists":
      return answerLists(context, asked, request);
    case "folders":
      return ensureFolder(context, site, request);
    case "getfilebyserverrelativepath":
    case "getfilebyserverrelativeurl":
      return answerFile(context, site, request);
    case "getfolderbyserverrelativepath":
    case "getfolderbyserverrelativeurl":
      return answerFolder(context, site, request);
    case "recyclebin":
      return answerRecycleBin(context, asked, request);
    case "ensureuser":
      return ensureUser(context, site, request);
    case "siteusers":
      return answerSiteUsers(context, site, request);
    case "sitegroups":
      return siteGroups(site);
    case "roledefinitions":
      return roleDefinitions();
    default:
      throw noResource(name);
  }
}

async function answerLists(
  context: WebContext,
  { site, origin }: Asked,
  request: ODataRequest,
): Promise<ODataResult> {
  const lookup = request.segments[2];
  if (!lookup && request.method === "POST") {
    const title = textOf(request.body, "Title");
    if (request.body.BaseTemplate !== DOCUMENT_LIBRARY) {
      throw spError(501, -1, "Only document libraries are simulated (BaseTemplate 101)");
    }
    if (site.libraries.some((library) => library.title.toLowerCase() === title.toLowerCase())) {
      const message =
        "A list, survey, discussion board, or document library with the specified title already exists in this Web site.";
      throw spError(500, -2130575342, message);
    }
    const entity = listEntity(context, context.createLibrary(site, title));
    return { type: "SP.List", entity, status: 201 };
  }
  if (!lookup) {
    const collection = site.libraries.map((library) => listEntity(context, library));
    return { type: "SP.List", collection };
  }
  const wanted = (lookup.args[""] ?? "").toLowerCase();
  const library = site.libraries.find(
    ({ title, listId }) => (lookup.name === "getbyid" ? listId : title.toLowerCase()) === wanted,
  );
  if (!library) {
    const message = `List '${lookup.args[""]}' does not exist at site with URL '${origin}${site.url}'.`;
    throw new ODataError(404, -1, "System.ArgumentException", message);
  }
  if (request.segments[3]?.name !== "rootfolder") {
    return { type: "SP.List", entity: listEntity(context, library) };
  }
  const location = { library, path: "" };
  return answerLocated(context, request, location, request.segments[4]?.name);
}

function listEntity({ items, faults }: WebContext, library: Library): Record<string, unknown> {
  return {
    Id: library.listId,
    Title: library.title,
    BaseType: 1,
    // A OneDrive's own library has a template of its own.
    BaseTemplate: library.site.url.startsWith("/personal/") ? 700 : DOCUMENT_LIBRARY,
    EnableVersioning: faults().versioning,
    ItemCount: items.countAll(library.listId),
    RootFolder: {
      UniqueId: library.rootFolderId,
      Name: library.urlName,
      ServerRelativeUrl: `${library.site.url}/${library.urlName}`,
    },
  };
}

/** GET web/recyclebin; POST recyclebin('id')/deleteobject and recyclebin/deleteall purge. */
function answerRecycleBin(
  { bin }: WebContext,
  { site }: Asked,
  request: ODataRequest,
): ODataResult {
  const id = request.segments[1]?.args[""];
  const action = request.segments[2]?.name;
  if (action === undefined) {
    const collection = bin
      .entries(site.name)
      .filter((entry) => id === undefined || entry.id === id.toLowerCase())
      .map(({ id: Id, kind, name: LeafName, folder: DirName, size, deletedAt: DeletedDate }) => {
        // SP.RecycleBinItemType: 1 is a file, 5 a folder.
        const ItemType = kind === "file" ? 1 : 5;
        return { Id, LeafName, DirName, ItemType, Size: String(size), DeletedDate };
      });
    return { type: "SP.RecycleBinItem", collection };
  }
  requirePost(request);
  if (action !== "deleteobject" && action !== "deleteall") throw noResource(action);
  const wasThere = bin.purge(site.name, id?.toLowerCase() ?? null);
  if (id && !wasThere) throw notFound(`The recycle bin has no item ${id}`);
  return { function: action === "deleteall" ? "DeleteAll" : "DeleteObject", value: null };
}
