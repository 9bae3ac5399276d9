import { z } from "zod";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Target } from "../domain/records.ts";
import type { Answer, SharePointHttp } from "./http.ts";
import { collectionOf, expectAnswer, isNowhere, quoted } from "./odata.ts";
import { webOf } from "./urls.ts";

/** A file at the destination; `modified` in milliseconds since 1970, whole seconds. */
export interface FoundItem {
  id: string;
  size: number;
  modified: number;
  /** "3.0" of a file with two older versions, where it was asked for. */
  version?: string;
}

export interface ListedItem extends FoundItem {
  kind: "file" | "folder";
}

const folderSchema = z.object({ UniqueId: z.string() });
const fileSchema = z.object({
  UniqueId: z.string(),
  Length: z.coerce.number(),
  TimeLastModified: z.string(),
  UIVersionLabel: z.string().nullish(),
});
const listedSchema = z.object({
  UniqueId: z.string(),
  Name: z.string(),
  /** Folders have none. */
  Length: z.coerce.number().default(0),
  TimeLastModified: z.string().nullish(),
});
const pageSchema = collectionOf(listedSchema);

/** The file at a path relative to the library's root, as it is at the destination now. */
export async function findFile(
  http: SharePointHttp,
  target: Target,
  path: string,
): Promise<FoundItem | undefined> {
  const answer = await http.get(
    `${webOf(target)}/_api/web/GetFileByServerRelativePath(${decodedUrl(target, path)})?$select=UniqueId,Length,TimeLastModified,UIVersionLabel`,
  );
  if (isNowhere(answer)) return undefined;
  const file = expectAnswer(answer, fileSchema, path);
  return {
    id: file.UniqueId.toLowerCase(),
    size: file.Length,
    modified: Date.parse(file.TimeLastModified),
    ...(file.UIVersionLabel && { version: file.UIVersionLabel }),
  };
}

/** The id of the folder at a path relative to the library's root. */
export async function findFolder(
  http: SharePointHttp,
  target: Target,
  path: string,
): Promise<string | undefined> {
  const answer = await http.get(`${folderUrl(target, path)}?$select=UniqueId`);
  if (isNowhere(answer)) return undefined;
  return expectAnswer(answer, folderSchema, path).UniqueId.toLowerCase();
}

/** Entries per request; SharePoint gives at most 5,000. */
const PAGE = 2000;

/**
 * What a folder of the library holds, by name in lower case, because SharePoint knows no other difference; undefined when
 * there is no such folder. Throws DESTINATION_FOLDER_TOO_LARGE when SharePoint refuses to list it.
 */
export async function listFolder(
  http: SharePointHttp,
  target: Target,
  path: string,
): Promise<Map<string, ListedItem> | undefined> {
  const found = new Map<string, ListedItem>();
  for (const [children, kind] of CHILDREN) {
    const select = kind === "file" ? "UniqueId,Name,Length,TimeLastModified" : FOLDER_FIELDS;
    for (let skip = 0; ; skip += PAGE) {
      const answer = await http.get(
        `${folderUrl(target, path)}/${children}?$select=${select}&$top=${PAGE}&$skip=${skip}`,
      );
      if (isNowhere(answer)) return undefined;
      if (isTooLarge(answer))
        throw new LongshoreError("DESTINATION_FOLDER_TOO_LARGE", `the folder "${path}"`);
      const { items } = expectAnswer(answer, pageSchema, `the folder "${path}"`);
      for (const { UniqueId, Name, Length, TimeLastModified } of items)
        found.set(Name.toLowerCase(), {
          id: UniqueId.toLowerCase(),
          kind,
          size: Length,
          modified: Date.parse(TimeLastModified ?? "") || 0,
        });
      if (items.length < PAGE) break;
    }
  }
  return found;
}

const CHILDREN = [
  ["Folders", "folder"],
  ["Files", "file"],
] as const;
const FOLDER_FIELDS = "UniqueId,Name,TimeLastModified";

/** SPQueryThrottledException: the folder is over the list view threshold of 5,000 items. */
const isTooLarge = ({ status, body }: Answer) =>
  status === 500 && /-2147024860/.test(JSON.stringify(body));

const folderUrl = (target: Target, path: string) =>
  `${webOf(target)}/_api/web/GetFolderByServerRelativePath(${decodedUrl(target, path)})`;

const decodedUrl = (target: Target, path: string) =>
  `decodedurl=${encodeURIComponent(quoted(path ? `${target.rootFolderUrl}/${path}` : target.rootFolderUrl))}`;
