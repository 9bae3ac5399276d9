import { z } from "zod";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { SharePointHttp } from "./http.ts";
import { collectionOf, expectAnswer, messageOf, quoted } from "./odata.ts";

const listSchema = z.object({
  Id: z.string(),
  Title: z.string(),
  /** 1 is a document library, whatever its template (101; 700 in a OneDrive). */
  BaseType: z.coerce.number().default(1),
  EnableVersioning: z.boolean().nullish(),
  RootFolder: z.object({ UniqueId: z.string(), ServerRelativeUrl: z.string() }),
});
export type FoundLibrary = z.infer<typeof listSchema>;

const FIELDS =
  "$select=Id,Title,BaseType,EnableVersioning,RootFolder/UniqueId,RootFolder/ServerRelativeUrl&$expand=RootFolder";
const DOCUMENT_LIBRARY = 101;

/**
 * The library of a web by its title or, because titles are translated and renamed, by its name in URLs ("Shared Documents");
 * makes it when that is asked for. Throws DESTINATION_NOT_FOUND.
 */
export async function findLibrary(
  http: SharePointHttp,
  webUrl: string,
  name: string,
  { create = false } = {},
): Promise<FoundLibrary> {
  const what = `the library "${name}" of ${webUrl}`;
  const found = (await byTitle(http, webUrl, name)) ?? (await byUrlName(http, webUrl, name));
  const library = found ?? (create ? await createLibrary(http, webUrl, name) : undefined);
  if (!library) throw new LongshoreError("DESTINATION_NOT_FOUND", `${what} does not exist`);
  if (library.BaseType === 1) return library;
  throw new LongshoreError("DESTINATION_NOT_FOUND", `${what} is a list, no document library`);
}

async function byTitle(http: SharePointHttp, webUrl: string, title: string) {
  const argument = encodeURIComponent(quoted(title));
  const answer = await http.get(`${webUrl}/_api/web/lists/getByTitle(${argument})?${FIELDS}`);
  if (answer.status === 404) return undefined;
  return expectAnswer(answer, listSchema, `the library "${title}" of ${webUrl}`);
}

async function byUrlName(http: SharePointHttp, webUrl: string, name: string) {
  const answer = await http.get(`${webUrl}/_api/web/lists?${FIELDS}&$top=5000`);
  const { items } = expectAnswer(answer, collectionOf(listSchema), `the libraries of ${webUrl}`);
  const wanted = name.toLowerCase();
  return items.find(
    ({ BaseType, RootFolder }) =>
      BaseType === 1 && RootFolder.ServerRelativeUrl.split("/").at(-1)?.toLowerCase() === wanted,
  );
}

/** Who else made the library at the same moment has made ours. */
async function createLibrary(http: SharePointHttp, webUrl: string, title: string) {
  const made = await http.post(`${webUrl}/_api/web/lists`, {
    Title: title,
    BaseTemplate: DOCUMENT_LIBRARY,
  });
  const library = await byTitle(http, webUrl, title);
  if (library) return library;
  throw new LongshoreError(
    made.status === 401 || made.status === 403
      ? "DESTINATION_ACCESS_DENIED"
      : "DESTINATION_NOT_FOUND",
    `the library "${title}" of ${webUrl} could not be made: ${messageOf(made)}`,
  );
}
