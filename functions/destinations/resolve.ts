import { z } from "zod";
import type { Destination } from "../../shared/contracts/destinations.ts";
import type { Target } from "../domain/records.ts";
import type { SharePointHttp } from "./http.ts";
import { findFolder } from "./items.ts";
import { findLibrary } from "./libraries.ts";
import { expectAnswer } from "./odata.ts";
import { isEmail, oneDriveOf } from "./oneDrive.ts";

const siteSchema = z.object({ Id: z.string(), Url: z.string() });
const webSchema = z.object({ Id: z.string(), ServerRelativeUrl: z.string() });
const folderSchema = z.object({ UniqueId: z.string() });

/**
 * Finds site, web, library and the folders of the destination with the ids that packages name. A site is named by the URL of its
 * web, a OneDrive by its URL or by its owner's e-mail address. Folders that are missing come with the packages.
 */
export async function resolveDestination(
  http: SharePointHttp,
  destination: Destination,
  { tenantUrl }: { tenantUrl?: string | undefined } = {},
): Promise<Target> {
  const isOneDrive = isEmail(destination.siteUrl);
  const url = isOneDrive
    ? await oneDriveOf(http, destination.siteUrl, tenantUrl)
    : destination.siteUrl;
  const what = isOneDrive ? `the OneDrive of ${destination.siteUrl} (${url})` : `the site ${url}`;
  const read = async <T>(path: string, schema: z.ZodType<T>): Promise<T> =>
    expectAnswer(await http.get(`${url}/_api/${path}`), schema, what);
  // One after the other, so that the first thing that is missing is the one that is named.
  const site = await read("site?$select=Id,Url", siteSchema);
  const web = await read("web?$select=Id,Url,ServerRelativeUrl", webSchema);
  const webRoot = await read("web/rootfolder?$select=UniqueId", folderSchema);
  const create = destination.createLibrary ?? false;
  const library = await findLibrary(http, url, destination.library, { create });
  const target: Target = {
    origin: url,
    siteId: site.Id.toLowerCase(),
    siteUrl: new URL(site.Url).pathname,
    webId: web.Id.toLowerCase(),
    webUrl: web.ServerRelativeUrl,
    webRootFolderId: webRoot.UniqueId.toLowerCase(),
    listId: library.Id.toLowerCase(),
    listTitle: library.Title,
    rootFolderId: library.RootFolder.UniqueId.toLowerCase(),
    rootFolderUrl: library.RootFolder.ServerRelativeUrl,
    ...(library.EnableVersioning === false && { versioningOff: true }),
    folders: [],
  };
  const names = destination.folder.split("/").filter(Boolean);
  for (let depth = 1; depth <= names.length; depth++) {
    const path = names.slice(0, depth).join("/");
    const id = await findFolder(http, target, path);
    target.folders.push({ path, ...(id && { id }) });
  }
  return target;
}
