import type { Right } from "../../contracts/people.ts";

/*
 * What a package's manifests are written from. GUIDs are canonical text without braces; times are milliseconds since
 * 1970 UTC; URLs and paths are decoded (never percent-encoded); a path is relative to the root of the library.
 */

/** The destination library, as SharePoint names it (GET /_api/web, /_api/web/rootfolder, the list and its RootFolder). */
export interface ManifestTarget {
  /** Server-relative URL of the site collection: "/sites/finance", "/" for the root site. */
  siteUrl: string;
  webId: string;
  /** Server-relative URL of the web that holds the library; equal to `siteUrl` unless it is a subsite. */
  webUrl: string;
  webRootFolderId: string;
  listId: string;
  listTitle: string;
  rootFolderId: string;
  /** Server-relative: "/sites/finance/Shared Documents". */
  rootFolderUrl: string;
  /** Times of the library's root folder, where they are known. */
  rootFolderCreated?: number;
  rootFolderModified?: number;
}

/** What folders and files have in common. */
export interface ManifestItem {
  /** GUID of the file or folder itself (UniqueId at the target), see `itemIds`. */
  id: string;
  /** GUID of its list item. */
  listItemId: string;
  intId: number;
  path: string;
  /** `id` of the folder that holds it, or the library's `rootFolderId`. */
  parentId: string;
  created: number;
  modified: number;
  /** `id` of one of the package's users. */
  authorId: number;
  editorId: number;
}

export type ManifestFolder = ManifestItem;

/**
 * A folder above the package's items that another package brings. It is named again, under the same GUID, because packages
 * are imported in any order; without its list item, which only that other package knows.
 */
export type ManifestAncestor = Omit<ManifestItem, "listItemId" | "intId">;

/** One content of a file as it is stored in the package. */
export interface ManifestContent {
  /** Plain bytes. */
  size: number;
  /** Name of the blob in the data container, or of the member in an archive. */
  fileValue: string;
  /** base64 MD5 of the ciphertext. */
  md5: string;
  /** base64 IV of the ciphertext. */
  iv: string;
  /** base64 QuickXorHash of the plain content; needed above 15 GB. */
  checksum?: string;
}

/** An older version of a file; `id` is a GUID of its own, see `versionId`. */
export interface ManifestVersion
  extends ManifestContent,
    Pick<ManifestItem, "id" | "modified" | "editorId"> {}

export interface ManifestFile extends ManifestItem, ManifestContent {
  /** With its older versions the current one has a GUID as a version, beside that of the file. */
  history?: {
    id: string;
    /** Oldest first, at least one. They become 1.0, 2.0, … and the current content the one after them. */
    older: ManifestVersion[];
  };
}

/** Whether `Versions` lists the current version with the older ones. Nobody documents it; see ADR 5. */
export const LISTED_VERSIONS = ["all", "older"] as const;
export type ListedVersions = (typeof LISTED_VERSIONS)[number];

export interface ManifestUser {
  /** Private to the package. */
  id: number;
  name: string;
  /** Claims form with the UPN: "i:0#.f|membership|ada@contoso.com". */
  login: string;
  email: string;
  /** base64: the binary SID of an on-premises account, else any bytes (the login does). */
  systemId: string;
  isDomainGroup?: boolean;
  isSiteAdmin?: boolean;
  isDeleted?: boolean;
}

/** Permissions of its own for one of the package's folders or files; never for the library. */
export interface ManifestAccess {
  /** `id` of the folder or file. */
  id: string;
  path: string;
  assignments: { userId: number; right: Right }[];
}

export interface ManifestArchive {
  /** Blob name of the zip. */
  name: string;
  /** base64 QuickXorHash of the zip. */
  checksum: string;
  /** `fileValue` of the files it holds. */
  members: string[];
}

export interface PackageManifestInput {
  target: ManifestTarget;
  /** Where the content comes from, for people: "\\\\fs01\\finance". */
  sourceLocation: string;
  above?: ManifestAncestor[];
  folders: ManifestFolder[];
  files: ManifestFile[];
  users: readonly ManifestUser[];
  /** Items that are not listed inherit. */
  access?: ManifestAccess[];
  archives: ManifestArchive[];
  /** "all" unless told otherwise. */
  listedVersions?: ListedVersions;
}

/** The account SharePoint shows where nobody is known; the id is the one it has in every site. */
export const SYSTEM_ACCOUNT: ManifestUser = {
  id: 1073741823,
  name: "System Account",
  login: "SHAREPOINT\\system",
  email: "",
  systemId: Buffer.from("SHAREPOINT\\system").toString("base64"),
};
