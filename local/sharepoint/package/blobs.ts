import { createDecipheriv, createHash } from "node:crypto";
import { ContainerClient } from "@azure/storage-blob";
import { hresult } from "../import/error-codes.ts";
import { describe, ItemFailure, JobFailure } from "../import/failures.ts";

/** A blob as the import sees it: its latest snapshot. */
export interface StoredBlob {
  name: string;
  /** Empty: the blob exists, but nobody made a snapshot of it. */
  snapshot: string;
  etag: string;
  length: number;
  iv: Buffer | undefined;
  md5: Buffer | undefined;
}

/** What the manifest says about a blob where the blob itself does not say it. */
interface DeclaredIntegrity {
  iv?: string | undefined;
  md5?: string | undefined;
}

/** The key of an encrypted package; an unencrypted one has none. */
export type PackageKey = Buffer | undefined;

/** A container as a job reads it: short waits between retries, and no more requests once the job is stopped. */
export interface SourceContainer {
  client: ContainerClient;
  signal: AbortSignal;
  blobs: Map<string, StoredBlob>;
  /** False: a blob without snapshot is read as it is (MS docs of 2023: snapshots are not enforced yet). */
  needsSnapshots: boolean;
}

/** Opens a container and lists its blobs. Throws JobFailure if it cannot be listed. */
export async function openContainer(
  uri: string,
  { signal, needsSnapshots }: Pick<SourceContainer, "signal" | "needsSnapshots">,
): Promise<SourceContainer> {
  const retryOptions = { maxTries: 4, retryDelayInMs: 250, maxRetryDelayInMs: 2000 };
  const client = new ContainerClient(uri, undefined, { retryOptions });
  try {
    return { client, signal, needsSnapshots, blobs: await listBlobs(client, signal) };
  } catch (error) {
    throw new JobFailure(`Unable to list container ${client.containerName}: ${describe(error)}`);
  }
}

/** All blobs by name, each with its latest snapshot: one request for 5,000 of them. */
async function listBlobs(client: ContainerClient, abortSignal: AbortSignal) {
  const blobs = new Map<string, StoredBlob>();
  const options = { includeSnapshots: true, includeMetadata: true, abortSignal };
  for await (const blob of client.listBlobsFlat(options)) {
    const known = blobs.get(blob.name);
    const snapshot = blob.snapshot ?? "";
    // Snapshot times sort as text; the base blob has none and counts only as long as there is no snapshot.
    if (known && known.snapshot > snapshot) continue;
    const iv = Object.entries(blob.metadata ?? {}).find(([key]) => key.toLowerCase() === "iv")?.[1];
    blobs.set(blob.name, {
      name: blob.name,
      snapshot,
      etag: blob.properties.etag,
      length: blob.properties.contentLength ?? 0,
      iv: iv === undefined ? undefined : Buffer.from(iv, "base64"),
      md5: blob.properties.contentMD5 && Buffer.from(blob.properties.contentMD5),
    });
  }
  return blobs;
}

/** The blob if the service would read it. Throws ItemFailure for one that is missing or has no snapshot. */
export function requireSnapshot(
  { blobs, needsSnapshots }: SourceContainer,
  name: string,
): StoredBlob {
  const blob = blobs.get(name);
  if (blob && (blob.snapshot !== "" || !needsSnapshots)) return blob;
  const reason = blob
    ? "the blob has no snapshot"
    : "The remote server returned an error: (404) Not Found.";
  throw new ItemFailure(`Unable to download ${name}: ${reason}`, hresult.fileNotFound);
}

interface Decryption {
  update(chunk: Buffer): Buffer;
  final(): Buffer;
}

/** AES-256-CBC with PKCS7 padding, or nothing at all. The IV is that of the blob's metadata, else the manifest's. */
function decryption(
  { name, iv: stored }: Pick<StoredBlob, "name"> & Partial<StoredBlob>,
  key: PackageKey,
  declared: DeclaredIntegrity,
): Decryption {
  if (!key) return { update: (chunk) => chunk, final: () => Buffer.alloc(0) };
  const iv = stored ?? (declared.iv === undefined ? undefined : Buffer.from(declared.iv, "base64"));
  if (!iv) throw new ItemFailure(`Missing IV in Manifest and Azure Blob metadata of ${name}`);
  if (iv.length !== 16) throw new ItemFailure(`The IV of ${name} has ${iv.length} bytes, not 16`);
  const decipher = createDecipheriv("aes-256-cbc", key, iv);
  return {
    update: (chunk) => decipher.update(chunk),
    final() {
      try {
        return decipher.final();
      } catch {
        const reason = "Padding is invalid and cannot be removed.";
        throw new ItemFailure(`Unable to decrypt ${name}: ${reason}`);
      }
    },
  };
}

/** The MD5s that the stored bytes must have. Throws ItemFailure if neither blob nor manifest names one. */
function md5sOf(blob: Partial<StoredBlob>, declared: DeclaredIntegrity): string[] {
  const sums = [blob.md5?.toString("base64"), declared.md5].filter((sum) => sum !== undefined);
  if (sums.length === 0) throw new ItemFailure("Missing MD5 property in Manifest and Azure Blob");
  return sums;
}

/**
 * Reads content once from end to end, from a blob or from memory, hands the decrypted chunks to `sink` as they come, and
 * returns the plain size. Memory is one chunk, whatever the size. Throws ItemFailure if checksum or decryption says the content
 * is not intact: the sink has then seen content that must not be used.
 */
export async function decrypt(
  stored: AsyncIterable<Buffer> | Iterable<Buffer>,
  source: Pick<StoredBlob, "name"> & Partial<StoredBlob>,
  key: PackageKey,
  declared: DeclaredIntegrity,
  sink: (chunk: Buffer) => Promise<void>,
): Promise<number> {
  const decipher = decryption(source, key, declared);
  const expected = md5sOf(source, declared);
  const md5 = createHash("md5");
  let size = 0;
  for await (const chunk of stored) {
    md5.update(chunk);
    const plain = decipher.update(chunk);
    size += plain.length;
    await sink(plain);
  }
  const actual = md5.digest("base64");
  const wrong = expected.find((sum) => sum !== actual);
  if (wrong !== undefined) {
    const found = `expected ${wrong}, stored content has ${actual}`;
    throw new ItemFailure(`MD5 of ${source.name} does not match: ${found}`);
  }
  const last = decipher.final();
  await sink(last);
  return size + last.length;
}

/** The whole content of a small blob: of a package file or an archive. */
export async function readSmallBlob(
  container: SourceContainer,
  blob: StoredBlob,
  key: PackageKey,
): Promise<{ stored: Buffer; plain: Buffer }> {
  const chunks: Buffer[] = [];
  for await (const chunk of await openBlob(container, blob)) chunks.push(chunk);
  const stored = Buffer.concat(chunks);
  const plain: Buffer[] = [];
  // MS docs ask for the MD5 of content only.
  const md5 = blob.md5 ?? createHash("md5").update(stored).digest();
  await decrypt([stored], { ...blob, md5 }, key, {}, async (chunk) => void plain.push(chunk));
  return { stored, plain: Buffer.concat(plain) };
}

/**
 * Opens the content of the latest snapshot. As long as the blob has not changed since, that is the blob's own content,
 * and so it is read from there: Azurite 3.36 refuses a container SAS for a snapshot, because it takes the snapshot into
 * the string to sign, which the protocol does only for a SAS of the snapshot itself (sr=bs).
 */
export async function openBlob(
  { client, signal: abortSignal }: SourceContainer,
  { name, snapshot, etag }: StoredBlob,
): Promise<AsyncIterable<Buffer>> {
  const blob = client.getBlobClient(name);
  const unchanged = { conditions: { ifMatch: `"${etag}"` } };
  try {
    const response = await blob.download(0, undefined, { abortSignal, ...unchanged });
    return response.readableStreamBody as AsyncIterable<Buffer>;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 412) throw error;
    const response = await blob.withSnapshot(snapshot).download(0, undefined, { abortSignal });
    return response.readableStreamBody as AsyncIterable<Buffer>;
  }
}
