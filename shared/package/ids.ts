import { hash } from "node:crypto";

/** Namespace of every GUID Longshore derives (random, fixed for ever: changing it orphans what was migrated). */
const NAMESPACE = "807a22b5-eb6e-41bd-89b9-67d464cf01e2";

/** The library an item lives in: GUIDs of the site collection and of the document library. */
export interface Library {
  siteId: string;
  listId: string;
}

/** The two GUIDs SharePoint knows an item by: the file or folder itself, and its list item. */
export interface ItemIds {
  id: string;
  listItemId: string;
}

/** RFC 9562 version 5 (SHA-1, name-based) UUID, lower-case canonical text. */
export function uuid5(namespace: string, name: string): string {
  const digest = hash(
    "sha1",
    Buffer.concat([guidBytes(namespace), Buffer.from(name, "utf8")]),
    "buffer",
  );
  digest[6] = ((digest[6] as number) & 0x0f) | 0x50;
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80;
  const hex = digest.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The GUIDs of the item at `relativePath` ("A/B.txt", relative to the library root). The same path in the same library
 * always gives the same two: SharePoint refuses a known path under a new GUID, and a GUID used twice in a site
 * collection. They must differ from each other: a list item that carries its file's GUID is answered with
 * "Missing file info for list item".
 *
 * The path is taken as is, without case folding or Unicode normalisation, because SharePoint keeps both forms of a name.
 * Throws RangeError for a path with lone surrogates, which have no UTF-8 form and would all share one GUID.
 */
export function itemIds(library: Library, relativePath: string): ItemIds {
  if (!relativePath.isWellFormed()) {
    throw new RangeError(
      "relativePath holds a lone surrogate: refuse the name before deriving ids",
    );
  }
  const site = canonicalGuid(library.siteId);
  const list = canonicalGuid(library.listId);
  const id = uuid5(NAMESPACE, `${site}/${list}/${relativePath}`);
  return { id, listItemId: uuid5(id, "listitem") };
}

/**
 * The GUID of one content of a file as a version. The same content of the same file always gets the same, whichever round brings
 * it and whatever its label is by then: SharePoint wants every version named again when a file is brought again.
 */
export const versionId = (
  fileId: string,
  { modified, size }: { modified: number; size: number },
): string => uuid5(fileId, `version/${modified}/${size}`);

function guidBytes(guid: string): Buffer {
  return Buffer.from(canonicalGuid(guid).replaceAll("-", ""), "hex");
}

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function canonicalGuid(text: string): string {
  const guid = text.toLowerCase();
  if (!GUID.test(guid)) {
    throw new TypeError(`"${text}" is not a GUID: expected 8-4-4-4-12 hex digits without braces`);
  }
  return guid;
}
