import yauzl, { type Entry, type ZipFile } from "yauzl";
import { ItemFailure, JobFailure } from "../import/failures.ts";
import { quickXorHash } from "../quick-xor-hash.ts";
import {
  decryptSmallBlob,
  requireSnapshot,
  type SourceContainer,
  type StoredBlob,
} from "./blobs.ts";
import { attribute, childrenNamed, type XmlElement } from "./xml.ts";

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
  blobs: Map<string, StoredBlob>,
  key: Buffer,
): Promise<ArchivedMembers> {
  const archives = childrenNamed(archivedFiles, "ArchivedFile");
  if (archives.length > MAX_ARCHIVES) {
    throw new JobFailure(
      `ArchivedFiles.xml names ${archives.length} archives, at most ${MAX_ARCHIVES} are allowed`,
    );
  }
  const members: ArchivedMembers = new Map();
  for (const archive of archives) {
    const name = attribute(archive, "Name");
    try {
      const zip = await readArchive(name, attribute(archive, "Checksum"), container, blobs, key);
      const listed = childrenNamed(archive, "File").map((file) => attribute(file, "FileValue"));
      await readMembers(zip, new Set(listed), members);
      for (const fileValue of listed) {
        if (members.has(fileValue)) continue;
        members.set(fileValue, new ItemFailure(`Archive ${name} has no member ${fileValue}`));
      }
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
  blobs: Map<string, StoredBlob>,
  key: Buffer,
): Promise<Buffer> {
  const blob = requireSnapshot(blobs, name);
  if (blob.length > MAX_ARCHIVE_BYTES) {
    throw new Error(`it has ${blob.length} bytes, at most ${MAX_ARCHIVE_BYTES} are allowed`);
  }
  const { stored, plain } = await decryptSmallBlob(container, blob, key);
  const actual = quickXorHash(stored).toString("base64");
  if (actual !== checksum) {
    throw new Error(`its QuickXorHash is ${actual}, ArchivedFiles.xml says ${checksum}`);
  }
  return plain;
}

/** Reads the listed members; what the archive holds besides is ignored. */
function readMembers(zip: Buffer, listed: Set<string>, members: ArchivedMembers): Promise<void> {
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(zip, { lazyEntries: true }, (openError, file) => {
      if (openError) return reject(openError);
      file.on("error", reject);
      file.on("end", resolve);
      file.on("entry", (entry: Entry) => {
        if (!listed.has(entry.fileName)) return file.readEntry();
        readMember(file, entry).then((member) => {
          members.set(entry.fileName, member);
          file.readEntry();
        }, reject);
      });
      file.readEntry();
    });
  });
}

function readMember(zip: ZipFile, entry: Entry): Promise<Buffer | ItemFailure> {
  if (entry.uncompressedSize >= MAX_MEMBER_BYTES) {
    return Promise.resolve(
      new ItemFailure(
        `Archive member ${entry.fileName} has ${entry.uncompressedSize} bytes; members must be below ${MAX_MEMBER_BYTES}`,
      ),
    );
  }
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error) return reject(error);
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("end", () => resolve(Buffer.concat(chunks)));
    });
  });
}
