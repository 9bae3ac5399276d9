import { manifest, validateContent } from "./manifest-schema.ts";
import {
  base64,
  boolean,
  type ElementRule,
  filled,
  guid,
  int,
  oneOf,
  SchemaError,
  text,
  validate,
} from "./schema.ts";
import type { XmlElement } from "./xml.ts";

const systemData: ElementRule = {
  sequence: true,
  children: {
    SchemaVersion: {
      attributes: {
        Version: text,
        Build: text,
        DatabaseVersion: int,
        SiteVersion: text,
        ObjectsProcessed: int,
      },
      required: ["Version", "Build", "DatabaseVersion", "SiteVersion"],
    },
    ManifestFiles: {
      children: { ManifestFile: { attributes: { Name: text }, required: ["Name"] } },
    },
    SystemObjects: {
      children: {
        SystemObject: {
          attributes: {
            Id: guid,
            Type: oneOf("Web", "Folder", "List", "ListItem", "File"),
            Url: text,
          },
          required: ["Id", "Type", "Url"],
        },
      },
    },
    RootWebOnlyLists: { children: { List: { attributes: { Id: guid }, required: ["Id"] } } },
  },
};

const exportSettings: ElementRule = {
  attributes: {
    SiteUrl: filled(2048),
    IncludeSecurity: oneOf("None", "WssOnly", "All"),
    IncludeVersions: oneOf("LastMajor", "CurrentVersion", "LastMajorAndMinor", "All"),
    ExportMethod: oneOf("ExportAll", "ExportChanges"),
    ExportPublicSchema: boolean,
    ExportFrontEndFileStreams: boolean,
    ExcludeDependencies: boolean,
  },
  required: ["SiteUrl"],
  open: true,
  children: {
    ExportObjects: {
      children: {
        DeploymentObject: {
          attributes: {
            Id: guid,
            Type: oneOf("Folder", "List", "ListItem", "File"),
            ParentId: guid,
            Url: text,
            ExcludeChildren: boolean,
            IncludeDescendants: oneOf("None", "Content", "All"),
            ExportChangeToken: text,
          },
        },
      },
    },
  },
};

const userGroup: ElementRule = {
  sequence: true,
  children: {
    Users: {
      children: {
        User: {
          attributes: {
            Id: int,
            Name: filled(255),
            Login: filled(255),
            Email: text,
            IsDomainGroup: boolean,
            IsSiteAdmin: boolean,
            SystemId: base64,
            IsDeleted: boolean,
            MobilePhone: text,
            Flags: int,
          },
          required: ["Id", "Name", "Login", "SystemId", "IsDeleted"],
        },
      },
    },
    Groups: {
      children: {
        Group: {
          attributes: {
            Id: int,
            Name: filled(255),
            Description: text,
            Owner: int,
            OwnerIsUser: boolean,
            RequestToJoinLeaveEmailSetting: text,
            OnlyAllowMembersViewMembership: boolean,
            AllowMembersEditMembership: boolean,
            AllowRequestToJoinLeave: boolean,
            AutoAcceptRequestToJoinLeave: boolean,
          },
          required: ["Id", "Name", "Owner", "OwnerIsUser"],
          children: { Member: { attributes: { UserId: int }, required: ["UserId"] } },
        },
      },
    },
  },
};

const archivedFiles: ElementRule = {
  children: {
    ArchivedFile: {
      attributes: { Name: filled(1024), Checksum: base64 },
      required: ["Name", "Checksum"],
      children: { File: { attributes: { FileValue: filled(1024) }, required: ["FileValue"] } },
    },
  },
};

const documents = {
  SPObjects: { rule: manifest, namespace: "urn:deployment-manifest-schema" },
  SystemData: { rule: systemData, namespace: "urn:deployment-systemdata-schema" },
  ExportSettings: { rule: exportSettings, namespace: "urn:deployment-exportsettings-schema" },
  UserGroupMap: { rule: userGroup, namespace: "urn:deployment-usergroupmap-schema" },
  ArchivedFiles: { rule: archivedFiles, namespace: undefined },
};

/** Checks a package file: its root element with its namespace, then the rest. Throws SchemaError. */
export function validateDocument(root: XmlElement, expected: keyof typeof documents): void {
  const { rule, namespace } = documents[expected];
  if (root.name !== expected || root.attributes.xmlns !== namespace) {
    throw new SchemaError(
      `The '${root.attributes.xmlns ?? ""}:${root.name}' element is not declared; expected '${expected}' in namespace '${namespace ?? ""}'.`,
    );
  }
  if (expected === "SystemData" && !root.children.some((child) => child.name === "SchemaVersion")) {
    // SharePoint's words for a SchemaVersion that is an attribute or is not there at all.
    throw new SchemaError("Invalid schema version XML");
  }
  validate(root, rule);
  if (expected === "SPObjects") root.children.forEach(validateContent);
}
