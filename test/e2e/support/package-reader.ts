import { createDecipheriv, createHash } from "node:crypto";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import type { BlobServiceClient, ContainerClient } from "@azure/storage-blob";
import { XMLParser } from "fast-xml-parser";
import yauzl from "yauzl";

/** A blob of a package as it is in storage, and what it was before it was encrypted. */
export interface StoredBlob {
  name: string;
  iv: Buffer;
  cipher: Buffer;
  plain: Buffer;
  contentMd5: string;
  snapshots: number;
}

export const md5 = (data: Buffer): string => createHash("md5").update(data).digest("base64");

export function decrypt(key: Buffer, iv: Buffer, cipher: Buffer): Buffer {
  const decipher = createDecipheriv("aes-256-cbc", key, iv);
  return Buffer.concat([decipher.update(cipher), decipher.final()]);
}

export async function listContainers(blobs: BlobServiceClient): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of blobs.listContainers()) names.push(name);
  return names;
}

/** Downloads and decrypts every blob of a container, by name. */
export async function readContainer(
  container: ContainerClient,
  key: Buffer,
): Promise<Map<string, StoredBlob>> {
  const blobs = new Map<string, StoredBlob>();
  const snapshots = new Map<string, number>();
  for await (const { name, snapshot, metadata, properties } of container.listBlobsFlat({
    includeMetadata: true,
    includeSnapshots: true,
  })) {
    if (snapshot) {
      snapshots.set(name, (snapshots.get(name) ?? 0) + 1);
      continue;
    }
    const iv = Buffer.from(metadata?.IV ?? metadata?.iv ?? "", "base64");
    const cipher = await container.getBlobClient(name).downloadToBuffer();
    const contentMd5 = Buffer.from(properties.contentMD5 ?? []).toString("base64");
    blobs.set(name, {
      name,
      iv,
      cipher,
      plain: decrypt(key, iv, cipher),
      contentMd5,
      snapshots: 0,
    });
  }
  for (const [name, count] of snapshots) {
    const blob = blobs.get(name);
    if (!blob) throw new Error(`${name} has a snapshot only`);
    blob.snapshots = count;
  }
  return blobs;
}

/** The members of a zip, by name. */
export async function unzip(zip: Buffer): Promise<Map<string, Buffer>> {
  const archive = await promisify<Buffer, yauzl.Options, yauzl.ZipFile>(yauzl.fromBuffer)(zip, {
    lazyEntries: true,
  });
  const open = promisify<yauzl.Entry, Readable>(archive.openReadStream.bind(archive));
  const members = new Map<string, Buffer>();
  const ended = once(archive, "end");
  archive.on("entry", (entry: yauzl.Entry) => {
    const read = async () => {
      members.set(entry.fileName, await buffer(await open(entry)));
      archive.readEntry();
    };
    read().catch((error) => archive.emit("error", error));
  });
  archive.readEntry();
  await ended;
  return members;
}

/** What Microsoft checks archives with: every byte is exclusive-ored in 11 bits further on a ring of 160, then the length. */
export function quickXorHash(data: Buffer): string {
  const ring = Buffer.alloc(20);
  data.forEach((byte, index) => {
    const [at, shift] = [((index * 11) % 160) >> 3, (index * 11) % 8];
    ring[at] = (ring[at] as number) ^ ((byte << shift) & 0xff);
    const next = (at + 1) % 20;
    ring[next] = (ring[next] as number) ^ (byte >> (8 - shift));
  });
  ring.writeBigUInt64LE(ring.readBigUInt64LE(12) ^ BigInt(data.length), 12);
  return ring.toString("base64");
}

/** A content that a manifest names: a file's, or one of its versions'. */
export interface ManifestContent {
  id: string;
  /** "3.0". */
  label: string;
  fileValue: string;
  size: number;
  iv: Buffer;
  md5: string;
  created: string;
  modified: string;
}

/** A file that a manifest names, with its current content. */
export interface ManifestFile extends ManifestContent {
  /** Server-relative. */
  url: string;
  /** Everything that its `Versions` list. */
  versions: ManifestContent[];
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  trimValues: false,
  parseAttributeValue: false,
  htmlEntities: true,
  isArray: (name) => ["SPObject", "ArchivedFile", "File"].includes(name),
});

export function filesOf(manifest: Buffer): ManifestFile[] {
  const { SPObject } = parser.parse(manifest.toString("utf8")).SPObjects;
  // biome-ignore lint/suspicious/noExplicitAny: what a parser of any XML gives
  return SPObject.flatMap(({ Url, File }: any) =>
    // biome-ignore lint/suspicious/noExplicitAny: the same
    (File ?? []).map((file: any) => ({
      ...contentOf(file),
      url: Url,
      versions: (file.Versions?.File ?? []).map(contentOf),
    })),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: the same
const contentOf = (file: any): ManifestContent => ({
  id: file.Id,
  label: file.Version,
  fileValue: file.FileValue,
  size: Number(file.FileSize),
  iv: Buffer.from(file.InitializationVector, "base64"),
  md5: file.MD5Hash,
  created: file.TimeCreated,
  modified: file.TimeLastModified,
});

export interface ManifestArchive {
  name: string;
  checksum: string;
  members: string[];
}

/** The archives that ArchivedFiles.xml names; none without one. */
export function archivesOf(archivedFiles: Buffer | undefined): ManifestArchive[] {
  if (!archivedFiles) return [];
  const { ArchivedFile } = parser.parse(archivedFiles.toString("utf8")).ArchivedFiles;
  // biome-ignore lint/suspicious/noExplicitAny: the same
  return ArchivedFile.map(({ Name, Checksum, File }: any) => ({
    name: Name,
    checksum: Checksum,
    // biome-ignore lint/suspicious/noExplicitAny: the same
    members: File.map((file: any) => file.FileValue),
  }));
}
