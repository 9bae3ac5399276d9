import {
  boolean,
  dateTime,
  type ElementRule,
  float,
  guid,
  int,
  oneOf,
  SchemaError,
  text,
} from "./schema.ts";
import { attribute, type XmlElement } from "./xml.ts";

/*
 * The schema of Manifest.xml as the import service enforces it: the constrained schema of MS docs
 * "migration-api-overview" (2023) plus DocumentLibrary/@HasUniqueRoleAssignments, which Microsoft's own sample uses.
 * SPObject, Folder, List and DocumentLibrary take no attribute that is not declared; File, ListItem and Field take any.
 * The published type Guid is a plain string; the service wants GUID text without braces, and so do we.
 */

const properties: ElementRule = {
  children: {
    Property: {
      attributes: { Name: text, Value: text, Value2: text, Id: guid, Type: text, Access: text },
      required: ["Name"],
    },
  },
};

const folder: ElementRule = {
  attributes: {
    Id: guid,
    Name: text,
    Url: text,
    ParentFolderId: guid,
    ParentWebId: guid,
    ParentWebUrl: text,
    ContainingDocumentLibrary: guid,
    WelcomePageUrl: text,
    WelcomePageParameters: text,
    ListItemIntId: int,
    Author: text,
    ModifiedBy: text,
    TimeCreated: dateTime,
    TimeLastModified: dateTime,
    ProgId: text,
    SortBehavior: text,
  },
  children: { Properties: properties },
};

const fileAttributes: NonNullable<ElementRule["attributes"]> = {
  Id: guid,
  ListItemIntId: int,
  InDocumentLibrary: boolean,
  ParentWebId: guid,
  ParentId: guid,
  ListId: guid,
  TimeCreated: dateTime,
  TimeLastModified: dateTime,
  IsGhosted: boolean,
};

const file: ElementRule = {
  attributes: fileAttributes,
  open: true,
  sequence: true,
  children: {
    Properties: properties,
    Versions: { children: { File: { attributes: fileAttributes, open: true, children: "skip" } } },
    WebParts: { open: true, children: "skip" },
    Links: { children: "skip" },
    EventReceivers: { children: "skip" },
    VersionEvents: { children: "skip" },
  },
};

const listItem: ElementRule = {
  attributes: {
    Id: guid,
    IntId: int,
    DocId: guid,
    TimeCreated: dateTime,
    TimeLastModified: dateTime,
    ParentWebId: guid,
    ParentListId: guid,
    ParentFolderId: guid,
    ModerationStatus: oneOf("Approved", "Denied", "Pending", "Draft", "Scheduled"),
    Order: float,
    UserSolutionActivated: boolean,
    DocType: oneOf("File", "Folder", "Unknown"),
  },
  open: true,
  children: {
    Fields: {
      children: {
        FieldRef: { open: true, children: "skip" },
        Field: { attributes: { ID: guid, FieldId: guid }, open: true, children: "skip" },
      },
    },
    Versions: { children: "skip" },
    Attachments: { children: "skip" },
    Links: { children: "skip" },
    EventReceivers: { children: "skip" },
    SharedWithEvents: { children: "skip" },
  },
};

const list: ElementRule = {
  attributes: {
    Id: guid,
    Title: text,
    RootFolderId: guid,
    RootFolderUrl: text,
    ParentWebId: guid,
    ParentWebUrl: text,
    BaseType: text,
    BaseTemplate: text,
  },
  required: ["Id", "Title", "RootFolderUrl", "ParentWebId", "BaseTemplate"],
  children: { ContentTypes: { children: "skip" }, DeletedContentTypes: { children: "skip" } },
};

const documentLibrary: ElementRule = {
  ...list,
  attributes: {
    ...list.attributes,
    DocumentTemplateUrl: text,
    IsCatalog: boolean,
    ThumbnailSize: int,
    WebImageHeight: int,
    WebImageWidth: int,
    HasUniqueRoleAssignments: boolean,
  },
};

const roles: ElementRule = {
  children: {
    Role: {
      attributes: {
        RoleId: text,
        Title: text,
        Description: text,
        PermMask: text,
        Hidden: boolean,
        RoleOrder: text,
        Type: text,
      },
      required: ["RoleId", "Title", "PermMask", "Hidden"],
    },
  },
};

const roleAssignments: ElementRule = {
  children: {
    RoleAssignment: {
      attributes: {
        ScopeId: text,
        RoleDefWebId: text,
        RoleDefWebUrl: text,
        ObjectId: text,
        ObjectType: text,
        ObjectUrl: text,
        AnonymousPermMask: text,
      },
      required: ["ScopeId", "RoleDefWebId", "RoleDefWebUrl", "ObjectId", "ObjectType", "ObjectUrl"],
      children: {
        Assignment: {
          attributes: { RoleId: text, PrincipalId: text },
          required: ["RoleId", "PrincipalId"],
        },
      },
    },
  },
};

const anything: ElementRule = { open: true, children: "skip" };

/** Object types and the one element each holds; the two lists of the schema, brought together. */
const elementOf: Record<string, string> = {
  SPFolder: "Folder",
  SPDocumentLibrary: "DocumentLibrary",
  SPList: "List",
  SPFile: "File",
  SPListItem: "ListItem",
  SPContentType: "ContentType",
  SPDocumentTemplate: "File",
  DeploymentRoles: "Roles",
  DeploymentRoleAssignments: "RoleAssignments",
  DeploymentUserX: "UserX",
  DeploymentGroupX: "GroupX",
  DeploymentRoleX: "RoleX",
  DeploymentRoleAssignmentX: "RoleAssignmentX",
};

export const manifest: ElementRule = {
  children: {
    SPObject: {
      attributes: {
        Id: guid,
        ObjectType: oneOf(...Object.keys(elementOf)),
        ParentId: guid,
        ParentWebId: guid,
        ParentWebUrl: text,
        Url: text,
        Name: text,
        IsDeleted: boolean,
        IsSiteRename: boolean,
        ContentTypeId: text,
      },
      required: ["ObjectType"],
      sequence: true,
      children: {
        Folder: folder,
        DocumentLibrary: documentLibrary,
        List: list,
        File: file,
        ListItem: listItem,
        Roles: roles,
        RoleAssignments: roleAssignments,
        ContentType: anything,
        UserX: anything,
        GroupX: anything,
        RoleX: anything,
        RoleAssignmentX: anything,
      },
    },
  },
};

/** Object type and element must belong together. Throws SchemaError. */
export function validateContent(object: XmlElement): void {
  const expected = elementOf[attribute(object, "ObjectType")];
  const content = object.children[0];
  if (object.children.length > 1 || (content && content.name !== expected)) {
    throw new SchemaError(
      `An SPObject of type '${object.attributes.ObjectType}' must contain exactly one '${expected}' element.`,
    );
  }
}
