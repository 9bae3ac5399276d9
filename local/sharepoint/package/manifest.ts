import { parseDateTime } from "./schema.ts";
import { attribute, childrenNamed, type XmlElement } from "./xml.ts";

/** Attributes that folders, files and list items share. Ids are lower case, times ISO 8601 UTC. */
interface Common {
  id: string;
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
  scopeId: string;
  assignments: { roleId: string; principalId: string }[];
}

export type PackageObject =
  | FolderObject
  | FileObject
  | ListItemObject
  | { type: "list"; id: string; parentWebId: string | undefined }
  | { type: "roles"; id: string; roleIds: string[] }
  | { type: "roleAssignments"; id: string; scopes: Scope[] }
  | { type: "other"; id: string; objectType: string };

/** Turns the SPObjects of a validated manifest into the objects of an import, in document order. */
export function readObjects(manifest: XmlElement): PackageObject[] {
  return childrenNamed(manifest, "SPObject").map(readObject);
}

function readObject(object: XmlElement): PackageObject {
  const content = object.children[0];
  const id = lower(object.attributes.Id) ?? "";
  const objectType = attribute(object, "ObjectType");
  switch (content?.name) {
    case "Folder":
      return {
        type: "folder",
        ...readCommon(content, "ContainingDocumentLibrary", "ParentFolderId"),
      };
    case "File":
      return {
        type: "file",
        ...readCommon(content, "ListId", "ParentId"),
        ...readContents(content),
      };
    case "ListItem":
      return {
        type: "listItem",
        ...readCommon(content, "ParentListId", "ParentFolderId"),
        url: content.attributes.FileUrl ?? "",
        intId: Number(content.attributes.IntId ?? 0),
        docId: lower(content.attributes.DocId),
        fieldNames: childrenNamed(childrenNamed(content, "Fields")[0], "Field").map(
          (field) => field.attributes.Name ?? "",
        ),
      };
    case "List":
    case "DocumentLibrary":
      return {
        type: "list",
        id: attribute(content, "Id").toLowerCase(),
        parentWebId: lower(content.attributes.ParentWebId),
      };
    case "Roles":
      return {
        type: "roles",
        id,
        roleIds: content.children.map((role) => attribute(role, "RoleId")),
      };
    case "RoleAssignments":
      return { type: "roleAssignments", id, scopes: content.children.map(readScope) };
    default:
      return { type: "other", id, objectType };
  }
}

function readCommon(
  { attributes }: XmlElement,
  listAttribute: string,
  parentAttribute: string,
): Common {
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
function readContents(file: XmlElement): Pick<FileObject, "content" | "history"> {
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
    scopeId: attribute(scope, "ScopeId"),
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
