import { baseName, comparePaths } from "../../rules/paths.ts";
import { roleAssignmentsObject } from "./roleAssignments.ts";
import { manifestTime } from "./times.ts";
import type {
  ListedVersions,
  ManifestAncestor,
  ManifestContent,
  ManifestFile,
  ManifestFolder,
  ManifestItem,
  ManifestTarget,
  PackageManifestInput,
} from "./types.ts";
import { dirName, serverRelativeUrl, webRelativeUrl } from "./urls.ts";
import { type Attributes, element } from "./xml.ts";

/*
 * Manifest.xml: every object of the package, in the order SharePoint creates them. Folder, DocumentLibrary and SPObject
 * take no attribute beyond their schema; File and ListItem take any. Shapes are those of Microsoft's published sample
 * (sp-dev-docs: migration-manifest) and of tools known to import.
 */

/** The SPObject elements: library root folder, library, then folders from the top down, then files, then permissions. */
export function manifestObjects(input: PackageManifestInput): string[] {
  const { target, above = [], folders, files, access = [], listedVersions = "all" } = input;
  const topDown = folders.toSorted((a, b) => comparePaths(a.path, b.path));
  return [
    rootFolderObject(target),
    libraryObject(target),
    ...above.map((folder) => folderObject(target, folder)),
    ...topDown.flatMap((folder) => [
      folderObject(target, folder),
      listItemObject(target, folder, FOLDER_ITEM),
    ]),
    ...files.flatMap((file) => [
      fileObject(target, file, listedVersions),
      listItemObject(target, file, { ...FILE_ITEM, version: versionOf(file) }),
    ]),
    ...roleAssignmentsObject(target, access),
  ];
}

/** The objects in as many runs, each below the size but for an object that is larger itself. */
export function manifestParts(objects: readonly string[], maxBytes: number): string[][] {
  const parts: string[][] = [[]];
  let size = 0;
  for (const object of objects) {
    const bytes = Buffer.byteLength(object) + 1;
    if (size > 0 && size + bytes > maxBytes) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(object);
    size += bytes;
  }
  return parts;
}

export function manifest(objects: readonly string[]): string {
  return element("SPObjects", { xmlns: "urn:deployment-manifest-schema" }, objects);
}

/** The library's root folder and the library exist at the target; they are named so that the items below have parents. */
function rootFolderObject(target: ManifestTarget): string {
  const { rootFolderCreated: created, rootFolderModified: modified } = target;
  return spObject(target, "SPFolder", target.rootFolderId, target.webRootFolderId, "", [
    element("Folder", {
      Id: target.rootFolderId,
      Url: webRelativeUrl(target, ""),
      Name: baseName(target.rootFolderUrl),
      ParentFolderId: target.webRootFolderId,
      ...web(target),
      ContainingDocumentLibrary: target.listId,
      TimeCreated: created === undefined ? undefined : manifestTime(created),
      TimeLastModified: modified === undefined ? undefined : manifestTime(modified),
      SortBehavior: 1,
    }),
  ]);
}

function libraryObject(target: ManifestTarget): string {
  return spObject(target, "SPDocumentLibrary", target.listId, target.webId, "", [
    element(
      "DocumentLibrary",
      {
        Id: target.listId,
        BaseTemplate: "DocumentLibrary",
        RootFolderId: target.rootFolderId,
        RootFolderUrl: target.rootFolderUrl,
        ...web(target),
        Title: target.listTitle,
      },
      [element("ContentTypes", {})],
    ),
  ]);
}

function folderObject(target: ManifestTarget, folder: ManifestFolder | ManifestAncestor): string {
  return spObject(target, "SPFolder", folder.id, folder.parentId, folder.path, [
    element("Folder", {
      Id: folder.id,
      Url: webRelativeUrl(target, folder.path),
      Name: baseName(folder.path),
      ParentFolderId: folder.parentId,
      ...web(target),
      ContainingDocumentLibrary: target.listId,
      ListItemIntId: "intId" in folder ? folder.intId : undefined,
      ...history(folder),
      SortBehavior: 1,
    }),
  ]);
}

function fileObject(target: ManifestTarget, file: ManifestFile, listed: ListedVersions): string {
  const versions = versionElements(target, file, listed);
  return spObject(target, "SPFile", file.id, file.parentId, file.path, [
    element(
      "File",
      { ...place(target, file), ...history(file), Version: versionOf(file), ...content(file, 1) },
      versions.length > 0 ? [element("Versions", {}, versions)] : [],
    ),
  ]);
}

/**
 * The versions of a file that has older ones, oldest first: elements like that of the file, each with an id, an editor, a time and
 * a content of its own.
 */
function versionElements(
  target: ManifestTarget,
  file: ManifestFile,
  listed: ListedVersions,
): string[] {
  if (!file.history) return [];
  const { id, older } = file.history;
  const versions = listed === "all" ? [...older, { ...file, id }] : older;
  return versions.map((version, index) =>
    element("File", {
      ...{ ...place(target, file), Id: version.id },
      ...history({ ...file, modified: version.modified, editorId: version.editorId }),
      Version: label(index),
      ...content(version),
    }),
  );
}

function place(target: ManifestTarget, file: ManifestFile): Attributes {
  return {
    Url: webRelativeUrl(target, file.path),
    Id: file.id,
    ...web(target),
    Name: baseName(file.path),
    ListItemIntId: file.intId,
    ListId: target.listId,
    ParentId: file.parentId,
  };
}

function content(of: ManifestContent, level?: number): Attributes {
  return {
    FileValue: of.fileValue,
    FileSize: of.size,
    Level: level,
    MD5Hash: of.md5,
    InitializationVector: of.iv,
    Checksum: of.checksum,
  };
}

interface ListItemKind {
  docType: string;
  contentTypeId: string;
  version: string;
}

const FOLDER_ITEM: ListItemKind = { docType: "Folder", contentTypeId: "0x0120", version: "1.0" };
const FILE_ITEM = { docType: "File", contentTypeId: "0x0101" };

/** The list item of a folder or file. Its parent is the list, and DocId is what ties it to the item. */
function listItemObject(target: ManifestTarget, item: ManifestItem, kind: ListItemKind): string {
  return spObject(target, "SPListItem", item.listItemId, target.listId, item.path, [
    element(
      "ListItem",
      {
        FileUrl: webRelativeUrl(target, item.path),
        DocType: kind.docType,
        ParentFolderId: item.parentId,
        Order: item.intId * 100,
        Id: item.listItemId,
        ParentWebId: target.webId,
        ParentListId: target.listId,
        Name: baseName(item.path),
        DirName: dirName(target, item.path),
        IntId: item.intId,
        DocId: item.id,
        Version: kind.version,
        ContentTypeId: kind.contentTypeId,
        ...history(item),
        ModerationStatus: "Approved",
      },
      [element("Fields", {})],
    ),
  ]);
}

function spObject(
  target: ManifestTarget,
  objectType: string,
  id: string,
  parentId: string,
  path: string,
  content: readonly string[],
): string {
  const attributes = {
    Id: id,
    ObjectType: objectType,
    ParentId: parentId,
    ...web(target),
    Url: serverRelativeUrl(target, path),
  };
  return element("SPObject", attributes, content);
}

function web(target: ManifestTarget): Attributes {
  return { ParentWebId: target.webId, ParentWebUrl: target.webUrl };
}

function history(item: ManifestItem | ManifestAncestor): Attributes {
  return {
    Author: item.authorId,
    ModifiedBy: item.editorId,
    TimeCreated: manifestTime(item.created),
    TimeLastModified: manifestTime(item.modified),
  };
}

/** Only major versions: a file share knows no drafts. */
const label = (index: number): string => `${index + 1}.0`;

const versionOf = ({ history }: ManifestFile): string => label(history?.older.length ?? 0);
