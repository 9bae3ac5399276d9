import { type ChildProcess, spawn } from "node:child_process";
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { ZipFile } from "yazl";
import type { JobEvent } from "./import/events.ts";
import { forEachParallel } from "./import/parallel.ts";
import { quickXorHash } from "./quick-xor-hash.ts";
import { type Item, parentOf } from "./record/item-store.ts";

/* What the tests and the bench of this folder share: Azurite, packages as a client makes them, and a REST client. */

const ACCOUNT = "devstoreaccount1";
/** Azurite's published key. */
const ACCOUNT_KEY =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const repository = new URL("../../", import.meta.url);
export const fixtures = new URL("test/fixtures/migration-package/", repository);

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "sharepoint-"));
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

export interface Azurite {
  service: BlobServiceClient;
  connectionString: string;
  stop(): Promise<void>;
}

export async function startAzurite(): Promise<Azurite> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const main = fileURLToPath(new URL("node_modules/azurite/dist/src/blob/main.js", repository));
  const flags = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"];
  const child = spawn(
    process.execPath,
    [main, ...flags, "--blobPort", String(port), "--location", folder],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}/${ACCOUNT}`;
  const credential = new StorageSharedKeyCredential(ACCOUNT, ACCOUNT_KEY);
  const service = new BlobServiceClient(url, credential, { retryOptions: { maxTries: 1 } });
  await until(async () => (await service.getProperties().catch(() => undefined)) !== undefined);
  return {
    service: new BlobServiceClient(url, credential),
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${ACCOUNT_KEY};BlobEndpoint=${url};`,
    async stop() {
      await stopProcess(child);
      await removeFolder(folder);
    },
  };
}

export async function stopProcess(
  child: ChildProcess,
  signal: NodeJS.Signals = "SIGTERM",
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

/** Polls until `condition` holds. Throws after `seconds`. */
export async function until(condition: () => Promise<boolean>, seconds = 20): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; await delay(25)) {
    if (await condition()) return;
  }
  throw new Error(`condition did not hold within ${seconds} s`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return (address as { port: number }).port;
}

export interface Encrypted {
  stored: Buffer;
  iv: Buffer;
  /** Base64 MD5 of the stored bytes. */
  md5: string;
}

export function encrypt(plain: Uint8Array | string, key: Buffer, iv = randomBytes(16)): Encrypted {
  const cipher = createCipheriv("aes-256-cbc", key, iv);
  const bytes = typeof plain === "string" ? Buffer.from(plain, "utf8") : plain;
  const stored = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return { stored, iv, md5: createHash("md5").update(stored).digest("base64") };
}

/** One package in two fresh containers. Everything that is put is encrypted, and has IV, MD5 and a snapshot. */
export interface UploadedPackage {
  key: Buffer;
  putData(name: string, plain: Uint8Array | string, options?: PutOptions): Promise<Encrypted>;
  putMetadata(name: string, plain: Uint8Array | string, options?: PutOptions): Promise<Encrypted>;
  /** Downloads and decrypts a blob of the metadata container; undefined if it is not there. */
  readMetadata(name: string): Promise<string | undefined>;
  /** The container URLs with a SAS for SharePoint. */
  uris(dataPermissions?: string, metadataPermissions?: string): { data: string; metadata: string };
}

/** What to leave out or do wrong. */
export interface PutOptions {
  iv?: "none" | Buffer;
  snapshot?: boolean;
  /** Upload in blocks: then nobody computes the MD5. */
  withoutMd5?: boolean;
}

export async function newPackage(
  service: BlobServiceClient,
  key = randomBytes(32),
): Promise<UploadedPackage> {
  const data = service.getContainerClient(`data-${randomUUID()}`);
  const metadata = service.getContainerClient(`metadata-${randomUUID()}`);
  await Promise.all([data.create(), metadata.create()]);

  const put = async (
    container: typeof data,
    name: string,
    plain: Uint8Array | string,
    options: PutOptions = {},
  ): Promise<Encrypted> => {
    const blob = container.getBlockBlobClient(name);
    const encrypted = encrypt(
      plain,
      key,
      Buffer.isBuffer(options.iv) ? Buffer.from(options.iv) : undefined,
    );
    const settings =
      options.iv === "none" ? {} : { metadata: { IV: encrypted.iv.toString("base64") } };
    if (options.withoutMd5) {
      const block = Buffer.from("block-0").toString("base64");
      await blob.stageBlock(block, encrypted.stored, encrypted.stored.length);
      await blob.commitBlockList([block], settings);
    } else {
      await blob.upload(encrypted.stored, encrypted.stored.length, settings);
    }
    if (options.snapshot !== false) await blob.createSnapshot();
    return encrypted;
  };
  const sas = (container: typeof data, permissions: string) => {
    const query = generateBlobSASQueryParameters(
      {
        containerName: container.containerName,
        permissions: ContainerSASPermissions.parse(permissions),
        startsOn: new Date(Date.now() - 60_000),
        expiresOn: new Date(Date.now() + 3600_000),
      },
      service.credential as StorageSharedKeyCredential,
    );
    return `${container.url}?${query}`;
  };

  return {
    key,
    putData: (name, plain, options) => put(data, name, plain, options),
    putMetadata: (name, plain, options) => put(metadata, name, plain, options),
    async readMetadata(name) {
      const blob = metadata.getBlobClient(name);
      if (!(await blob.exists())) return undefined;
      const iv = (await blob.getProperties()).metadata?.iv;
      const decipher = createDecipheriv("aes-256-cbc", key, Buffer.from(iv ?? "", "base64"));
      const stored = await blob.downloadToBuffer();
      return Buffer.concat([decipher.update(stored), decipher.final()]).toString("utf8");
    },
    uris: (dataPermissions = "rl", metadataPermissions = "rlw") => ({
      data: sas(data, dataPermissions),
      metadata: sas(metadata, metadataPermissions),
    }),
  };
}

/** Ids of the target as a client reads them. */
export interface TargetIds {
  siteId: string;
  webId: string;
  webRootFolderId: string;
  listId: string;
  rootFolderId: string;
}

export type Client = ReturnType<typeof client>;

/** A REST client for one site collection. */
export function client(origin: string, site: string, token = "any") {
  const base = `${origin}/sites/${site}`;
  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${base}${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json;odata=nometadata",
        "content-type": "application/json",
        ...init.headers,
      },
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not trusted
    const body = (await response.json()) as Record<string, any>;
    return { status: response.status, body, headers: response.headers };
  };
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    call(path, { ...init, method: "POST", body: JSON.stringify(body) });

  return {
    base,
    call,
    post,
    async ids(title = "Documents"): Promise<TargetIds> {
      const { body: siteBody } = await call("/_api/site?$select=Id,Url");
      const { body: web } = await call("/_api/web?$select=Id,Url,ServerRelativeUrl");
      const { body: root } = await call("/_api/web/rootfolder?$select=UniqueId");
      const { body: list } = await call(
        `/_api/web/lists/getByTitle('${title}')?$select=Id,Title&$expand=RootFolder`,
      );
      return {
        siteId: siteBody.Id,
        webId: web.Id,
        webRootFolderId: root.UniqueId,
        listId: list.Id,
        rootFolderId: list.RootFolder.UniqueId,
      };
    },
    /** Submits a package as it should be submitted, with `changes` to the body. */
    async submit(pkg: UploadedPackage, webId: string, changes: Record<string, unknown> = {}) {
      const uris = pkg.uris();
      return post("/_api/site/CreateMigrationJobEncrypted", {
        gWebId: webId,
        azureContainerSourceUri: uris.data,
        azureContainerManifestUri: uris.metadata,
        options: { AES256CBCKey: pkg.key.toString("base64") },
        ...changes,
      });
    },
    async events(jobId: string, token = "0"): Promise<{ events: JobEvent[]; token: string }> {
      const { body } = await call(
        `/_api/site/GetMigrationJobProgress(jobId='${jobId}',nextToken=${token})`,
      );
      const logs = body.Logs as string[];
      return { events: logs.map((log) => JSON.parse(log)), token: body.NextToken };
    },
    /** Follows a job to its end; returns all its events. */
    async follow(jobId: string, seconds = 20): Promise<JobEvent[]> {
      const all: JobEvent[] = [];
      let token = "0";
      await until(async () => {
        const page = await this.events(jobId, token);
        token = page.token;
        all.push(...page.events);
        return all.some(({ Event }) => /^Job(End|FatalError|Deleted)$/.test(Event));
      }, seconds);
      return all;
    },
    async run(pkg: UploadedPackage, webId: string): Promise<JobEvent[]> {
      const { status, body } = await this.submit(pkg, webId);
      if (status !== 200) throw new Error(`submit: ${status} ${JSON.stringify(body)}`);
      return this.follow(body.value);
    },
    /** The simulator's record of the site. */
    async record(): Promise<Item[]> {
      const response = await fetch(`${origin}/_simulator/items?site=${site}`);
      const lines = (await response.text()).trim();
      return lines === "" ? [] : lines.split("\n").map((line) => JSON.parse(line));
    },
  };
}

const exampleIds: Record<keyof Omit<TargetIds, "siteId">, string> = {
  webId: "26d5536b-49fb-5f55-aa5f-7feb7732d508",
  webRootFolderId: "26bb3079-c9ad-5a0d-bd2b-153237fa85e9",
  listId: "d59f6108-e121-5d90-a928-8e627cbf42b0",
  rootFolderId: "ab714ccd-9960-59ad-afab-80b5fcca4745",
};

/** The XML files of an example package, made for the target with these ids (site "finance", library "Documents"). */
export async function exampleMetadata(
  variant: "single" | "split",
  ids: TargetIds,
): Promise<Map<string, string>> {
  const folder = new URL(`example/${variant}/metadata/`, fixtures);
  const files = new Map<string, string>();
  for (const name of await readdir(folder)) {
    let text = readFileSync(new URL(name, folder), "utf8");
    for (const [key, id] of Object.entries(exampleIds)) {
      text = text.replaceAll(id, ids[key as keyof TargetIds]);
    }
    files.set(name, text);
  }
  return files;
}

export interface CryptoVectors {
  keyBase64: string;
  blobs: {
    container: string;
    name: string;
    plainBase64: string;
    ivBase64: string;
    cipherBase64: string;
    md5OfCipherBase64: string;
  }[];
}

export const vectors: CryptoVectors = JSON.parse(
  readFileSync(new URL("vectors.json", fixtures), "utf8"),
);

/** Uploads an example package with the key and the IVs of the vectors. `change` may edit a metadata file. */
export async function uploadExample(
  service: BlobServiceClient,
  ids: TargetIds,
  variant: "single" | "split" = "single",
  change: (name: string, text: string) => string | undefined = (_name, text) => text,
): Promise<UploadedPackage> {
  const pkg = await newPackage(service, Buffer.from(vectors.keyBase64, "base64"));
  for (const blob of vectors.blobs.filter(({ container }) => container === "data")) {
    await pkg.putData(blob.name, Buffer.from(blob.plainBase64, "base64"), {
      iv: Buffer.from(blob.ivBase64, "base64"),
    });
  }
  for (const [name, text] of await exampleMetadata(variant, ids)) {
    const changed = change(name, text);
    if (changed !== undefined) await pkg.putMetadata(name, changed);
  }
  return pkg;
}

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
}

/** Builds and uploads a package for the library "Documents" of `site`. Returns it with the ids it gave. */
export async function packageOf(
  service: BlobServiceClient,
  target: TargetIds,
  spec: PackageSpec,
  site = "finance",
): Promise<UploadedPackage & { ids: Map<string, string> }> {
  const pkg = await newPackage(service);
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
    const checksum = quickXorHash(stored).toString("base64");
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
