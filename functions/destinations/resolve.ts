import { z } from "zod";
import type { Destination } from "../../shared/contracts/tasks.ts";
import type { Target } from "../domain/records.ts";
import type { SharePointHttp } from "./http.ts";
import { findFolder } from "./items.ts";
import { expectAnswer, quoted } from "./odata.ts";

const siteSchema = z.object({ Id: z.string(), Url: z.string() });
const webSchema = z.object({ Id: z.string(), ServerRelativeUrl: z.string() });
const folderSchema = z.object({ UniqueId: z.string() });
const listSchema = z.object({
  Id: z.string(),
  Title: z.string(),
  RootFolder: z.object({ UniqueId: z.string(), ServerRelativeUrl: z.string() }),
});

/** Finds site, library and the folders of the destination with the ids that packages name. */
export async function resolveDestination(
  http: SharePointHttp,
  destination: Destination,
): Promise<Target> {
  const { siteUrl, library } = destination;
  const title = encodeURIComponent(quoted(library));
  const read = async <T>(path: string, schema: z.ZodType<T>, what: string): Promise<T> =>
    expectAnswer(await http.get(`${siteUrl}/_api/${path}`), schema, what);
  // One after the other, so that the first thing that is missing is the one that is named.
  const theSite = `the site ${siteUrl}`;
  const site = await read("site?$select=Id,Url", siteSchema, theSite);
  const web = await read("web?$select=Id,Url,ServerRelativeUrl", webSchema, theSite);
  const webRoot = await read("web/rootfolder?$select=UniqueId", folderSchema, theSite);
  const list = await read(
    `web/lists/getByTitle(${title})?$select=Id,Title,BaseTemplate,RootFolder/UniqueId,RootFolder/ServerRelativeUrl&$expand=RootFolder`,
    listSchema,
    `the library "${library}" of ${siteUrl}`,
  );
  const target: Target = {
    origin: siteUrl,
    siteId: site.Id.toLowerCase(),
    siteUrl: new URL(site.Url).pathname,
    webId: web.Id.toLowerCase(),
    webUrl: web.ServerRelativeUrl,
    webRootFolderId: webRoot.UniqueId.toLowerCase(),
    listId: list.Id.toLowerCase(),
    listTitle: list.Title,
    rootFolderId: list.RootFolder.UniqueId.toLowerCase(),
    rootFolderUrl: list.RootFolder.ServerRelativeUrl,
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
