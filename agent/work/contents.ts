import type { UploadSpec } from "../../shared/contracts/work.ts";
import { cipherLength, encryptBuffer } from "../../shared/package/cipher.ts";
import { MAX_ARCHIVED_MEMBER_BYTES } from "../../shared/rules/limits.ts";
import { backoffMs, pause } from "../backoff.ts";
import { type SourceFile, SourceProblem } from "../source/read.ts";
import type { Packed, Packer } from "./archives.ts";
import { type StoredBlob, storeEncrypted, storeFile } from "./blobs.ts";
import type { Container } from "./container.ts";

/** One content of a file: the current one, or an older version. */
export interface Content {
  blob: string;
  /** Throws SourceProblem. */
  open(): Promise<SourceFile>;
  /** Space for a small one. */
  buffer(): Buffer;
  /** Told how far a large one has been sent, so that progress does not stand still meanwhile. */
  reached(position: number): void;
}

/** `stored` is there when the blob is in an archive that is still on its way. */
export type Uploaded = StoredBlob & {
  size: number;
  modified: number;
  blob: string;
} & Partial<Packed>;

/** Fits into an archive. */
export const isSmall = (bytes: number): boolean => cipherLength(bytes) <= SMALL_BYTES;
export const SMALL_BYTES = MAX_ARCHIVED_MEMBER_BYTES;

/**
 * Encrypts a content into a blob or into an archive, as often as the spec says while that may help. Throws SourceProblem,
 * StorageError, or the signal's reason.
 */
export function createUploader(
  { contentKey, attemptsPerFile }: Pick<UploadSpec, "contentKey" | "attemptsPerFile">,
  {
    container,
    packer,
    signal,
  }: { container: Container; packer: Packer | undefined; signal: AbortSignal },
): (content: Content) => Promise<Uploaded> {
  const key = Buffer.from(contentKey, "base64");

  /** What is small or not is decided by the file as it is now, not as it was planned. */
  async function store(source: SourceFile, { blob, buffer, reached }: Content): Promise<Uploaded> {
    const { size, modified } = source;
    if (!isSmall(size))
      return {
        size,
        modified,
        blob,
        ...(await storeFile(container, blob, key, source, { reached })),
      };
    const plain = buffer().subarray(0, size);
    await source.readFully(plain, 0);
    await source.checkUnchanged();
    const encrypted = encryptBuffer(key, plain);
    const place = packer?.add(blob, encrypted.data);
    if (place === undefined)
      return { size, modified, blob, ...(await storeEncrypted(container, blob, encrypted)) };
    const iv = encrypted.iv.toString("base64");
    return { size, modified, blob, ...place, iv, md5: encrypted.md5 };
  }

  return async (content) => {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        const source = await content.open();
        try {
          return await store(source, content);
        } finally {
          await source.close();
        }
      } catch (error) {
        const again = error instanceof SourceProblem && error.passing;
        if (!again || attempt >= attemptsPerFile) throw error;
        await pause(backoffMs(attempt, 250, 5_000), signal);
      }
    }
  };
}
