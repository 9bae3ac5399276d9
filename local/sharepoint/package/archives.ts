import type { Readable } from "node:stream";
import yauzl from "yauzl";
import { quickXorHash } from "../../../shared/package/quick-xor-hash.ts";
import { ItemFailure, JobFailure } from "../import/failures.ts";
import { type PackageKey, readSmallBlob, requireSnapshot, type SourceContainer } from "./blobs.ts";
import { attribute, childrenNamed, type XmlElement } from "./xml.ts";

// What version 3 has and its types, which are of version 2, do not.
declare module "yauzl" {
  function fromBufferPromise(buffer: Buffer, options: Options): Promise<ZipFile>;
  interface ZipFile {
    eachEntry(): AsyncIterable<Entry>;
    openReadStreamPromise(entry: Entry): Promise<Readable>;
  }
}

/** MS docs "migration-azure", small file archives. */
const MAX_ARCHIVES = 2;
const MAX_ARCHIVE_BYTES = 10 * 1024 * 1024;
const MAX_MEMBER_BYTES = 100 * 1024;

/** Encrypted members by FileValue, or why one cannot be used. */
export type ArchivedMembers = Map<string, Buffer | ItemFailure>;

/**
 * Reads the archives that ArchivedFiles.xml names. An archive is stored encrypted like every blob; its Checksum is the
 * QuickXorHash of the stored bytes, and its members are encrypted files in turn.
 * Throws JobFailure if an archive as a whole cannot be used.
 */
export async function readArchives(
  archivedFiles: XmlElement,
  container: SourceContainer,
  key: PackageKey,
): Promise<ArchivedMembers> {
  const archives = childrenNamed(archivedFiles, "ArchivedFile");
  if (archives.length > MAX_ARCHIVES) {
    const message = `ArchivedFiles.xml names ${archives.length} archives, at most ${MAX_ARCHIVES} are allowed`;
    throw new JobFailure(message);
  }
  const members: ArchivedMembers = new Map();
  for (const archive of archives) {
    const name = attribute(archive, "Name");
    const listed = childrenNamed(archive, "File").map((file) => attribute(file, "FileValue"));
    for (const fileValue of listed)
      members.set(fileValue, new ItemFailure(`Archive ${name} has no member ${fileValue}`));
    try {
      const zip = await readArchive(name, attribute(archive, "Checksum"), container, key);
      await readMembers(zip, new Set(listed), members);
    } catch (error) {
      throw new JobFailure(`Archive ${name} cannot be read: ${(error as Error).message}`);
    }
  }
  return members;
}

async function readArchive(
  name: string,
  checksum: string,
  container: SourceContainer,
  key: PackageKey,
): Promise<Buffer> {
  const blob = requireSnapshot(container, name);
  if (blob.length > MAX_ARCHIVE_BYTES) {
    throw new Error(`it has ${blob.length} bytes, at most ${MAX_ARCHIVE_BYTES} are allowed`);
  }
  const { stored, plain } = await readSmallBlob(container, blob, key);
  const actual = quickXorHash(stored);
  if (actual !== checksum) {
    throw new Error(`its QuickXorHash is ${actual}, ArchivedFiles.xml says ${checksum}`);
  }
  return plain;
}

/** Reads the listed members; what the archive holds besides is ignored. */
async function readMembers(
  zip: Buffer,
  listed: Set<string>,
  members: ArchivedMembers,
): Promise<void> {
  const file = await yauzl.fromBufferPromise(zip, { lazyEntries: true });
  for await (const entry of file.eachEntry()) {
    const { fileName, uncompressedSize } = entry;
    if (!listed.has(fileName)) continue;
    if (uncompressedSize >= MAX_MEMBER_BYTES) {
      const problem = `has ${uncompressedSize} bytes; members must be below ${MAX_MEMBER_BYTES}`;
      members.set(fileName, new ItemFailure(`Archive member ${fileName} ${problem}`));
      continue;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of await file.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    members.set(fileName, Buffer.concat(chunks));
  }
}
