import { parseDateTime } from "./schema.ts";
import { attribute, childrenNamed, type XmlElement } from "./xml.ts";

/** Every object: the ObjectType of its SPObject, and its id in lower case. */
interface Named {
  objectType: string;
  id: string;
}

/** Attributes that folders, files and list items share. Ids are lower case, times ISO 8601 UTC. */
interface Common extends Named {
  /** Web-relative. */
  url: string;
  parentWebId: string | undefined;
  listId: string | undefined;
  parentId: string | undefined;
  author: string | undefined;
  editor: string | undefined;
  created: string | undefined;
  modified: string | undefined;
  intId: number;
}

export interface FolderObject extends Common {
  type: "folder";
}

export interface FileContent extends Pick<Common, "author" | "editor" | "modified"> {
  fileValue: string;
  fileSize: number | undefined;
  version: string;
  md5: string | undefined;
  iv: string | undefined;
}

export interface FileObject extends Common {
  type: "file";
  /** The current version. */
  content: FileContent;
  /** Older versions, oldest first. */
  history: FileContent[];
}

export interface ListItemObject extends Common {
  type: "listItem";
  /** Id of the file or folder the item belongs to. */
  docId: string | undefined;
  fieldNames: string[];
}

export interface Scope {
  objectId: string;
  objectUrl: string;
  assignments: { roleId: string; principalId: string }[];
}

export type PackageObject =
  | FolderObject
  | FileObject
  | ListItemObject
  | (Named & { type: "list"; parentWebId: string | undefined })
  | (Named & { type: "roles"; roleIds: string[] })
  | (Named & { type: "roleAssignments"; scopes: Scope[] })
  | (Named & { type: "other" });

/** Turns the SPObjects of a validated manifest into the objects of an import, in document order. */
export function readObjects(manifest: XmlElement): PackageObject[] {
  return manifest.children.map(readObject);
}

function readObject(object: XmlElement): PackageObject {
  const objectType = attribute(object, "ObjectType");
  const named = { objectType, id: lower(object.attributes.Id) ?? "" };
  const [content] = object.children;
  if (!content) return { type: "other", ...named };
  const common = (list: string, parent: string) => ({
    objectType,
    ...readCommon(content, list, parent),
  });
  switch (content.name) {
    case "Folder":
      return { type: "folder", ...common("ContainingDocumentLibrary", "ParentFolderId") };
    case "File":
      return { type: "file", ...common("ListId", "ParentId"), ...readVersions(content) };
    case "ListItem": {
      const item = common("ParentListId", "ParentFolderId");
      return { type: "listItem", ...item, ...readListItem(content) };
    }
    case "List":
    case "DocumentLibrary": {
      const { Id, ParentWebId } = content.attributes;
      return { type: "list", objectType, id: lower(Id) ?? "", parentWebId: lower(ParentWebId) };
    }
    case "Roles": {
      const roleIds = content.children.map((role) => attribute(role, "RoleId"));
      return { type: "roles", ...named, roleIds };
    }
    case "RoleAssignments":
      return { type: "roleAssignments", ...named, scopes: content.children.map(readScope) };
    default:
      return { type: "other", ...named };
  }
}

function readListItem(item: XmlElement) {
  const { FileUrl, IntId, DocId } = item.attributes;
  const fields = childrenNamed(childrenNamed(item, "Fields")[0], "Field");
  return {
    url: FileUrl ?? "",
    intId: Number(IntId ?? 0),
    docId: lower(DocId),
    fieldNames: fields.map((field) => field.attributes.Name ?? ""),
  };
}

function readCommon(
  { attributes }: XmlElement,
  listAttribute: string,
  parentAttribute: string,
): Omit<Common, "objectType"> {
  return {
    id: lower(attributes.Id) ?? "",
    url: attributes.Url ?? "",
    parentWebId: lower(attributes.ParentWebId),
    listId: lower(attributes[listAttribute]),
    parentId: lower(attributes[parentAttribute]),
    author: attributes.Author,
    editor: attributes.ModifiedBy,
    created: toIso(attributes.TimeCreated),
    modified: toIso(attributes.TimeLastModified),
    intId: Number(attributes.ListItemIntId ?? 0),
  };
}

/**
 * Working tools disagree whether `Versions` repeats the current version: take the union by label, and let the outer
 * File win for its own.
 */
function readVersions(file: XmlElement): Pick<FileObject, "content" | "history"> {
  const content = readContent(file);
  const history = childrenNamed(childrenNamed(file, "Versions")[0], "File")
    .map(readContent)
    .filter((version) => version.version !== content.version);
  return { content, history };
}

function readContent({ attributes }: XmlElement): FileContent {
  const size = attributes.FileSize;
  return {
    author: attributes.Author,
    editor: attributes.ModifiedBy,
    modified: toIso(attributes.TimeLastModified),
    fileValue: attributes.FileValue ?? "",
    fileSize: size === undefined ? undefined : Number(size),
    version: attributes.Version ?? "1.0",
    md5: attributes.MD5Hash,
    iv: attributes.InitializationVector,
  };
}

function readScope(scope: XmlElement): Scope {
  return {
    objectId: attribute(scope, "ObjectId").toLowerCase(),
    objectUrl: attribute(scope, "ObjectUrl"),
    assignments: scope.children.map((assignment) => ({
      roleId: attribute(assignment, "RoleId"),
      principalId: attribute(assignment, "PrincipalId"),
    })),
  };
}

function lower(id: string | undefined): string | undefined {
  return id?.toLowerCase();
}

function toIso(dateTime: string | undefined): string | undefined {
  return dateTime === undefined ? undefined : new Date(parseDateTime(dateTime)).toISOString();
}
