import fc from "fast-check";
import { XMLParser } from "fast-xml-parser";
import { itemIds, versionId } from "../../shared/package/ids.ts";
import {
  type ManifestFile,
  type ManifestFolder,
  type PackageManifestInput,
  writeManifests,
} from "../../shared/package/manifest/index.ts";
import { parentOf } from "../../shared/rules/paths.ts";

/* Packages of a few folders and files as the manifests describe them, and any tree of ugly names. */

export const fixtures = new URL("../fixtures/migration-package/", import.meta.url);
const SITE = "97a096a7-511a-510f-a779-c95127236b69";
export const target = {
  siteUrl: "/sites/finance",
  webId: "26d5536b-49fb-5f55-aa5f-7feb7732d508",
  webUrl: "/sites/finance",
  webRootFolderId: "26bb3079-c9ad-5a0d-bd2b-153237fa85e9",
  listId: "d59f6108-e121-5d90-a928-8e627cbf42b0",
  listTitle: "Documents & more",
  rootFolderId: "ab714ccd-9960-59ad-afab-80b5fcca4745",
  rootFolderUrl: "/sites/finance/Shared Documents",
};
export const rootTarget = {
  ...target,
  siteUrl: "/",
  webUrl: "/",
  rootFolderUrl: "/Shared Documents",
};
export const ada = {
  id: 1,
  name: "Ada Nowak",
  login: "i:0#.f|membership|ada.nowak@contoso.com",
  email: "ada.nowak@contoso.com",
  systemId: "aTowIy5mfG1lbWJlcnNoaXB8YWRhLm5vd2FrQGNvbnRvc28uY29t",
};
export const ben = { ...ada, id: 2, name: "Ben", login: "i:0#.f|membership|ben@contoso.com" };
export const time = Date.UTC(2024, 1, 1, 8, 15, 0, 999);

/** A package of the given folders and files, with ids as the product derives them. */
export function packageOf(
  folderPaths: readonly string[],
  filePaths: readonly string[],
  changes: Partial<PackageManifestInput> = {},
): PackageManifestInput {
  const library = { siteId: SITE, listId: target.listId };
  let intId = 0;
  const item = (path: string) => {
    const parent = parentOf(path);
    return {
      ...itemIds(library, path),
      intId: ++intId,
      path,
      parentId: parent === "" ? target.rootFolderId : itemIds(library, parent).id,
      created: time,
      modified: time + 86_400_000,
      authorId: 1,
      editorId: 2,
    };
  };
  return {
    target,
    sourceLocation: "\\\\fs01\\finance",
    folders: folderPaths.map((path): ManifestFolder => item(path)),
    files: filePaths.map(
      (path, index): ManifestFile => ({
        ...item(path),
        size: 15,
        fileValue: `${String(index).padStart(8, "0")}.dat`,
        md5: "K3bHh8Xp2S1Sd+K5z9beIg==",
        iv: "cBzLE2dYYycpr4tMr+YtDQ==",
      }),
    ),
    users: [ada, ben],
    archives: [],
    ...changes,
  };
}

export const xmlOf = (input: PackageManifestInput, blob: string) =>
  writeManifests(input)
    .find(({ name }) => name === blob)
    ?.xml.toString("utf8");

/** The same package with as many older versions of each file as `count` says. */
export function withHistory(
  input: PackageManifestInput,
  count: (path: string) => number,
): PackageManifestInput {
  const files = input.files.map((file): ManifestFile => {
    const older = Array.from({ length: count(file.path) }, (_, index) => {
      const modified = file.modified - (count(file.path) - index) * 3_600_000;
      const fileValue = `${file.fileValue}.${index}`;
      return { ...file, id: versionId(file.id, { modified, size: index }), modified, fileValue };
    });
    return older.length === 0
      ? file
      : { ...file, history: { id: versionId(file.id, file), older } };
  });
  return { ...input, files };
}

/** biome-ignore lint/suspicious/noExplicitAny: what a parser of any XML gives */
export type Parsed = any;
export const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  trimValues: false,
  parseAttributeValue: false,
  htmlEntities: true,
  isArray: (name) => ["SPObject", "User"].includes(name),
});
export const objectsOf = (input: PackageManifestInput): Parsed[] =>
  parser.parse(xmlOf(input, "Manifest.xml") ?? "").SPObjects.SPObject;

export const uglyNames = [
  "quotes \"double\" 'single'",
  "R&D <draft>",
  "]]>",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u{1f600}",
  "cafe\u0301",
  "caf\u00e9",
  "\u05e9\u05dc\u05d5\u05dd \u202etxt.exe",
  "\u4f60\u597d\u4e16\u754c",
  "..leading dots",
  ".gitignore",
  "100%25 #1",
  "&amp;",
  "a  two  blanks",
  "\u0085\u2028\ufeff\u00a0",
];
export const name = fc.oneof(
  fc.constantFrom(...uglyNames),
  fc
    .string({ unit: "binary", minLength: 1, maxLength: 12 })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what neither names nor XML can hold
    .filter((text) => !/[/\u0000-\u001f\ufffe\uffff]/.test(text)),
);
/** Folders and files of a random tree, in no particular order. */
export const tree = fc
  .tuple(fc.uniqueArray(fc.array(name, { minLength: 1, maxLength: 4 }), { maxLength: 8 }), fc.nat())
  .map(([branches]) => {
    const folders = new Set<string>();
    const files = new Set<string>();
    for (const names of branches) {
      const path = names.join("/");
      files.add(path);
      for (let above = parentOf(path); above !== ""; above = parentOf(above)) folders.add(above);
    }
    return { folders: [...folders], files: [...files].filter((path) => !folders.has(path)) };
  });
