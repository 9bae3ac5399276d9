import { randomUUID } from "node:crypto";
import type { BlobServiceClient } from "@azure/storage-blob";
import { ZipFile } from "yazl";
import { quickXorHash } from "../../../shared/package/quick-xor-hash.ts";
import { forEachParallel } from "../import/parallel.ts";
import { parentOf } from "../record/item-store.ts";
import type { TargetIds } from "./client.ts";
import { encrypt, newPackage, type PutOptions, type UploadedPackage } from "./upload.ts";

/** A file of a package that `packageOf` builds. */
export interface FileSpec {
  /** Library-relative, e.g. "Reports/a.txt". */
  path: string;
  id?: string;
  content?: Uint8Array | string;
  /** Further attributes of the File element; null leaves one out. */
  attributes?: Record<string, string | number | null>;
  put?: PutOptions;
  /** Do not upload the content. */
  missing?: boolean;
  /** Travel in an archive: 0 is the first, 1 the second. */
  archive?: number;
  versions?: { label: string; content: string }[];
}

export interface FolderSpec {
  path: string;
  id?: string;
  attributes?: Record<string, string | number | null>;
}

export interface PackageSpec {
  folders?: FolderSpec[];
  files?: FileSpec[];
  /** Ids of folders that are at the target already, by library-relative path. */
  existingFolders?: Record<string, string>;
  /** Write SPListItem objects too; true by default. */
  listItems?: boolean;
  /** Replaces or removes (undefined) a metadata file before it is encrypted. */
  change?: ((name: string, text: string) => string | undefined) | undefined;
  /** Raw SPObject elements after all others. */
  more?: string;
  /** False: an unencrypted package. */
  encrypted?: false;
  /** What ProvisionMigrationContainers answered. */
  provided?: { DataContainerUri: string; MetadataContainerUri: string; EncryptionKey: string };
}

/** Builds and uploads a package for the library "Documents" of `site`. Returns it with the ids it gave. */
export async function packageOf(
  service: BlobServiceClient,
  target: TargetIds,
  spec: PackageSpec,
  site = "finance",
): Promise<UploadedPackage & { ids: Map<string, string> }> {
  const pkg = await startPackage(service, spec);
  const ids = new Map(Object.entries(spec.existingFolders ?? {}));
  const objects: string[] = [];
  const web = `ParentWebId="${target.webId}" ParentWebUrl="/sites/${site}"`;
  const parentId = (path: string) =>
    path.includes("/") ? (ids.get(parentOf(path)) ?? randomUUID()) : target.rootFolderId;
  const object = (id: string, type: string, parent: string, path: string, inner: string) =>
    objects.push(
      `<SPObject Id="${id}" ObjectType="${type}" ParentId="${parent}" ${web} Url="/sites/${site}/Shared Documents/${escapeXml(path)}">${inner}</SPObject>`,
    );
  const listItem = (path: string, docId: string, docType: string) => {
    if (spec.listItems === false) return;
    const id = randomUUID();
    object(
      id,
      "SPListItem",
      target.listId,
      path,
      `<ListItem FileUrl="Shared Documents/${escapeXml(path)}" DocType="${docType}" Id="${id}" ParentWebId="${target.webId}" ParentListId="${target.listId}" DocId="${docId}" Name="${escapeXml(nameOf(path))}" ModerationStatus="Approved"><Fields /></ListItem>`,
    );
  };

  for (const { path, id = randomUUID(), attributes } of spec.folders ?? []) {
    ids.set(path, id);
    const all = {
      Id: id,
      Url: `Shared Documents/${path}`,
      Name: nameOf(path),
      ParentFolderId: parentId(path),
      ContainingDocumentLibrary: target.listId,
      TimeCreated: "2024-01-01T00:00:00Z",
      TimeLastModified: "2024-01-02T00:00:00Z",
      ...attributes,
    };
    object(id, "SPFolder", parentId(path), path, `<Folder ${xmlAttributes(all)} ${web} />`);
    listItem(path, id, "Folder");
  }
  const archives: { zip: ZipFile; members: string[] }[] = [];
  const uploads: (() => Promise<unknown>)[] = [];
  const upload = (name: string, content: Uint8Array | string, file: FileSpec) => {
    const encrypted = encrypt(content, pkg.key);
    if (file.archive !== undefined) {
      archives[file.archive] ??= { zip: new ZipFile(), members: [] };
      archives[file.archive]?.zip.addBuffer(encrypted.stored, name, { compress: false });
      archives[file.archive]?.members.push(name);
    } else if (!file.missing) {
      uploads.push(() => pkg.putData(name, content, { iv: encrypted.iv, ...file.put }));
    }
    return {
      FileValue: name,
      FileSize: Buffer.byteLength(content),
      MD5Hash: encrypted.md5,
      InitializationVector: encrypted.iv.toString("base64"),
    };
  };
  for (const [index, file] of (spec.files ?? []).entries()) {
    const { path, id = randomUUID(), content = `content of ${path}` } = file;
    ids.set(path, id);
    const common = {
      Id: id,
      Url: `Shared Documents/${path}`,
      Name: nameOf(path),
      ParentId: parentId(path),
      ListId: target.listId,
      Author: 1,
      ModifiedBy: 1,
      TimeCreated: "2024-02-01T08:16:00Z",
      TimeLastModified: "2024-03-01T09:00:00Z",
      Version: `${(file.versions?.length ?? 0) + 1}.0`,
    };
    const name = `${String(index).padStart(8, "0")}.dat`;
    const all = { ...common, ...upload(name, content, file), ...file.attributes };
    const versions = (file.versions ?? []).map(({ label, content: old }) => {
      const stored = upload(`${index}-${label}.dat`, old, file);
      return `<File ${xmlAttributes({ ...common, Id: randomUUID(), Version: label, ...stored })} ${web} />`;
    });
    const history = versions.length > 0 ? `<Versions>${versions.join("")}</Versions>` : "";
    object(
      id,
      "SPFile",
      common.ParentId,
      path,
      `<File ${xmlAttributes(all)} ${web}>${history}</File>`,
    );
    listItem(path, id, "File");
  }
  const declaration = '<?xml version="1.0" encoding="utf-8"?>\n';
  const metadata = new Map([
    [
      "Manifest.xml",
      `<SPObjects xmlns="urn:deployment-manifest-schema">${objects.join("\n")}${spec.more ?? ""}</SPObjects>`,
    ],
    [
      "SystemData.xml",
      `<SystemData xmlns="urn:deployment-systemdata-schema"><SchemaVersion Version="15.0.0.0" Build="16.0.3111.1200" DatabaseVersion="11552" SiteVersion="15" ObjectsProcessed="${objects.length}" /><ManifestFiles><ManifestFile Name="Manifest.xml" /></ManifestFiles><SystemObjects /><RootWebOnlyLists /></SystemData>`,
    ],
    [
      "ExportSettings.xml",
      '<ExportSettings xmlns="urn:deployment-exportsettings-schema" SiteUrl="http://fileshare/sites/user" SourceType="FileShare" />',
    ],
    [
      "UserGroup.xml",
      '<UserGroupMap xmlns="urn:deployment-usergroupmap-schema"><Users><User Id="1" Name="Ada" Login="i:0#.f|membership|ada@contoso.com" SystemId="YWRh" IsDeleted="false" /></Users><Groups /></UserGroupMap>',
    ],
    ["RootObjectMap.xml", '<RootObjects xmlns="urn:deployment-rootobjectmap-schema" />'],
    ["Requirements.xml", '<Requirements xmlns="urn:deployment-requirements-schema" />'],
    ["LookupListMap.xml", '<LookupLists xmlns="urn:deployment-lookuplistmap-schema" />'],
    ["ViewFormsList.xml", '<ViewFormsList xmlns="urn:deployment-viewformlist-schema" />'],
  ]);
  const archivedFiles: string[] = [];
  for (const [index, { zip, members }] of archives.entries()) {
    zip.end();
    const chunks: Buffer[] = [];
    for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
    const { stored } = await pkg.putData(`pack${index}.zip`, Buffer.concat(chunks));
    const files = members.map((member) => `<File FileValue="${member}" />`).join("");
    const checksum = quickXorHash(stored);
    archivedFiles.push(
      `<ArchivedFile Name="pack${index}.zip" Checksum="${checksum}">${files}</ArchivedFile>`,
    );
  }
  if (archivedFiles.length > 0) {
    metadata.set("ArchivedFiles.xml", `<ArchivedFiles>${archivedFiles.join("")}</ArchivedFiles>`);
  }
  await forEachParallel(uploads, 16, async (run) => void (await run()));
  for (const [name, text] of metadata) {
    const changed = spec.change ? spec.change(name, text) : text;
    if (changed !== undefined) await pkg.putMetadata(name, declaration + changed);
  }
  return { ...pkg, ids };
}

function startPackage(service: BlobServiceClient, { encrypted, provided }: PackageSpec) {
  if (!provided) return encrypted === false ? newPackage(service, null) : newPackage(service);
  const uris = { data: provided.DataContainerUri, metadata: provided.MetadataContainerUri };
  return newPackage(service, Buffer.from(provided.EncryptionKey, "base64"), uris);
}

const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

function xmlAttributes(attributes: Record<string, string | number | null>): string {
  return Object.entries(attributes)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}="${escapeXml(String(value))}"`)
    .join(" ");
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"\t\n\r]/g, (character) => `&#${character.codePointAt(0)};`);
}
