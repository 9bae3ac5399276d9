import { createDecipheriv, createHash } from "node:crypto";
import { ContainerClient } from "@azure/storage-blob";
import { hresult } from "../import/error-codes.ts";
import { ItemFailure } from "../import/failures.ts";

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
export interface DeclaredIntegrity {
  iv?: string | undefined;
  md5?: string | undefined;
}

/** A container as a job reads it: short waits between retries, and no more requests once the job is stopped. */
export interface SourceContainer {
  client: ContainerClient;
  signal: AbortSignal;
}

export function openContainer(uri: string, signal: AbortSignal): SourceContainer {
  const retryOptions = { maxTries: 4, retryDelayInMs: 250, maxRetryDelayInMs: 2000 };
  return { client: new ContainerClient(uri, undefined, { retryOptions }), signal };
}

/** All blobs of a container by name, each with its latest snapshot: one request for 5,000 of them. */
export async function listBlobs({
  client,
  signal,
}: SourceContainer): Promise<Map<string, StoredBlob>> {
  const blobs = new Map<string, StoredBlob>();
  const listing = client.listBlobsFlat({
    includeSnapshots: true,
    includeMetadata: true,
    abortSignal: signal,
  });
  for await (const blob of listing) {
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
export function requireSnapshot(blobs: Map<string, StoredBlob>, name: string): StoredBlob {
  const blob = blobs.get(name);
  if (!blob) {
    throw new ItemFailure(
      `Unable to download ${name}: The remote server returned an error: (404) Not Found.`,
      hresult.fileNotFound,
    );
  }
  if (blob.snapshot === "") {
    throw new ItemFailure(
      `Unable to download ${name}: the blob has no snapshot`,
      hresult.fileNotFound,
    );
  }
  return blob;
}

/** The IV of a blob, from its metadata, else from the manifest. Throws ItemFailure if there is none. */
export function ivOf(
  blob: { name: string; iv: Buffer | undefined },
  declared: DeclaredIntegrity = {},
) {
  const iv =
    blob.iv ?? (declared.iv === undefined ? undefined : Buffer.from(declared.iv, "base64"));
  if (!iv) throw new ItemFailure(`Missing IV in Manifest and Azure Blob metadata of ${blob.name}`);
  if (iv.length !== 16)
    throw new ItemFailure(`The IV of ${blob.name} has ${iv.length} bytes, not 16`);
  return iv;
}

/** The MD5s that the stored bytes must have. Throws ItemFailure if neither blob nor manifest names one. */
export function md5sOf(blob: { md5: Buffer | undefined }, declared: DeclaredIntegrity): string[] {
  const sums = [blob.md5?.toString("base64"), declared.md5].filter((sum) => sum !== undefined);
  if (sums.length === 0) throw new ItemFailure("Missing MD5 property in Manifest and Azure Blob");
  return sums;
}

/**
 * Reads a blob once from end to end, hands the decrypted chunks to `sink` as they come, and returns the plain size.
 * Memory is one chunk, whatever the size. Throws ItemFailure if checksum or decryption says the content is not intact:
 * the sink has then seen content that must not be used.
 */
export async function decryptBlob(
  container: SourceContainer,
  blob: StoredBlob,
  key: Buffer,
  declared: DeclaredIntegrity,
  sink: (chunk: Buffer) => Promise<void>,
): Promise<number> {
  const decipher = createDecipheriv("aes-256-cbc", key, ivOf(blob, declared));
  const expected = md5sOf(blob, declared);
  const md5 = createHash("md5");
  let size = 0;
  for await (const chunk of await openBlob(container, blob)) {
    md5.update(chunk);
    const plain = decipher.update(chunk);
    size += plain.length;
    await sink(plain);
  }
  checkMd5(blob.name, expected, md5.digest("base64"));
  const last = finish(decipher, blob.name);
  await sink(last);
  return size + last.length;
}

/** The whole decrypted content of a small blob. An MD5 is checked only where there is one (package files). */
export async function decryptSmallBlob(
  container: SourceContainer,
  blob: StoredBlob,
  key: Buffer,
): Promise<{ stored: Buffer; plain: Buffer }> {
  const iv = ivOf(blob);
  const chunks: Buffer[] = [];
  for await (const chunk of await openBlob(container, blob)) chunks.push(chunk);
  const stored = Buffer.concat(chunks);
  if (blob.md5) checkMd5(blob.name, [blob.md5.toString("base64")], md5Of(stored));
  return { stored, plain: decrypt(blob.name, stored, key, iv) };
}

/**
 * Opens the content of the latest snapshot. As long as the blob has not changed since, that is the blob's own content,
 * and so it is read from there: Azurite 3.36 refuses a container SAS for a snapshot, because it takes the snapshot into
 * the string to sign, which the protocol does only for a SAS of the snapshot itself (sr=bs).
 */
async function openBlob(
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

/** Checks and decrypts bytes that are in memory already, such as a member of an archive. */
export function decryptMember(
  name: string,
  stored: Buffer,
  key: Buffer,
  declared: DeclaredIntegrity,
): Buffer {
  const iv = ivOf({ name, iv: undefined }, declared);
  checkMd5(name, md5sOf({ md5: undefined }, declared), md5Of(stored));
  return decrypt(name, stored, key, iv);
}

function decrypt(name: string, stored: Buffer, key: Buffer, iv: Buffer): Buffer {
  const decipher = createDecipheriv("aes-256-cbc", key, iv);
  return Buffer.concat([decipher.update(stored), finish(decipher, name)]);
}

function finish(decipher: ReturnType<typeof createDecipheriv>, name: string): Buffer {
  try {
    return decipher.final();
  } catch {
    throw new ItemFailure(`Unable to decrypt ${name}: Padding is invalid and cannot be removed.`);
  }
}

function md5Of(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("base64");
}

function checkMd5(name: string, expected: string[], actual: string): void {
  const wrong = expected.find((sum) => sum !== actual);
  if (wrong === undefined) return;
  throw new ItemFailure(
    `MD5 of ${name} does not match: expected ${wrong}, stored content has ${actual}`,
  );
}
