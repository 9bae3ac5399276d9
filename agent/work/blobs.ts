import { createHash, type Hash, randomBytes } from "node:crypto";
import {
  BLOCK_BYTES,
  cipherLength,
  type Encrypted,
  encryptRange,
} from "../../shared/package/cipher.ts";
import { createQuickXorHash, type QuickXorHash } from "../../shared/package/quick-xor-hash.ts";
import { MAX_MD5_FILE_BYTES } from "../../shared/rules/limits.ts";
import type { SourceFile } from "../source/read.ts";
import { type Body, bodyOf, type Container, StorageError } from "./container.ts";

/** What a blob was encrypted with and what its ciphertext hashes to, both base64. */
export interface StoredBlob {
  iv: string;
  md5: string;
  /** base64 QuickXorHash of the plain content, of files so large that SharePoint wants it. */
  checksum?: string;
}

/** Content up to this size is one request: a Put Block costs the service (and Azurite fivefold) more than a Put Blob. */
export const SINGLE_PUT_BYTES = 256 * 1024 * 1024;
const PART_BYTES = 64 * 1024 * 1024;
/** Bytes read and encrypted at a time: two such buffers per file are all the memory that its content takes. */
export const CHUNK_BYTES = 256 * 1024;

/** An encrypted body; `md5` is base64 and known once the body was sent. */
export interface EncryptedBody extends Body {
  iv: Buffer;
  md5(): string;
}

/**
 * Stores a blob in one request and makes sure that storage received what was sent. SharePoint reads the newest snapshot, so
 * every blob gets one.
 */
export async function storeBlob(
  container: Container,
  name: string,
  body: EncryptedBody,
): Promise<StoredBlob> {
  const iv = body.iv.toString("base64");
  const received = await container.putBlob(name, body, { IV: iv });
  const md5 = body.md5();
  if (received !== undefined && received !== md5)
    throw new StorageError("Md5Mismatch", "storage received other bytes than were sent");
  await container.snapshot(name);
  return { iv, md5 };
}

/** A small blob that was encrypted in one piece. */
export const storeEncrypted = (
  container: Container,
  name: string,
  { iv, data, md5 }: Encrypted,
): Promise<StoredBlob> => storeBlob(container, name, { ...bodyOf(data), iv, md5: () => md5 });

/** Encrypts a file of any size on its way into a blob. Throws SourceProblem or StorageError, and then has stored nothing. */
export async function storeFile(
  container: Container,
  name: string,
  key: Uint8Array,
  file: SourceFile,
  {
    singlePutBytes = SINGLE_PUT_BYTES,
    partBytes = PART_BYTES,
    checksumAbove = MAX_MD5_FILE_BYTES,
    /** Told how far the file has been sent; a part that is sent again goes back. */
    reached = (_position: number): void => undefined,
  } = {},
): Promise<StoredBlob> {
  const iv = randomBytes(BLOCK_BYTES);
  let state: ChainState = {
    ...{ previous: iv, md5: createHash("md5") },
    ...(file.size > checksumAbove && { checksum: createQuickXorHash() }),
  };
  if (file.size <= singlePutBytes) {
    const part = cipherPart(file, key, { start: 0, end: file.size, reached }, state);
    const md5 = () => part.state().md5.digest("base64");
    return storeBlob(container, name, { ...part, iv, md5 });
  }
  const blocks = Math.ceil(file.size / partBytes);
  for (let block = 0; block < blocks; block++) {
    const start = block * partBytes;
    const end = Math.min(file.size, start + partBytes);
    const part = cipherPart(file, key, { start, end, reached }, state);
    await container.putBlock(name, block, part);
    state = part.state();
  }
  const stored = {
    ...{ iv: iv.toString("base64"), md5: state.md5.digest("base64") },
    ...(state.checksum && { checksum: state.checksum.digest() }),
  };
  await container.commitBlocks(name, blocks, stored.md5, { IV: stored.iv });
  await container.snapshot(name);
  return stored;
}

/** Where CBC and the running hashes stand between two parts of a file. */
interface ChainState {
  previous: Buffer;
  md5: Hash;
  checksum?: QuickXorHash;
}

interface CipherPart extends Body {
  /** The state after the part, once its body was sent. */
  state(): ChainState;
}

/**
 * The ciphertext of one part of a file as a body. Every time it is opened it begins again with the state before the part, so
 * a try that failed leaves no trace.
 *
 * The last part's last bytes are yielded only when the file proves unchanged, so a file that changes never becomes a blob.
 */
function cipherPart(
  file: SourceFile,
  key: Uint8Array,
  { start, end, reached }: { start: number; end: number; reached(position: number): void },
  before: ChainState,
): CipherPart {
  const last = end === file.size;
  let state = before;
  return {
    length: last ? cipherLength(end - start) : end - start,
    state: () => state,
    async *open() {
      const { previous, md5, checksum } = before;
      state = { previous, md5: md5.copy(), ...(checksum && { checksum: checksum.copy() }) };
      let position = start;
      for await (const { plain, final } of chunks(file, start, end)) {
        if (last && final) await file.checkUnchanged();
        const data = encryptRange(key, state.previous, plain, { last: last && final });
        state.previous = Buffer.from(data.subarray(-BLOCK_BYTES));
        state.md5.update(data);
        state.checksum?.update(plain);
        yield data;
        position += plain.length;
        reached(position);
      }
    },
  };
}

/** Reads one chunk ahead of the one in use; a chunk is valid until the next one is asked for. An empty range is one chunk. */
async function* chunks(
  file: SourceFile,
  start: number,
  end: number,
): AsyncGenerator<{ plain: Buffer; final: boolean }, void, undefined> {
  const size = Math.min(CHUNK_BYTES, end - start);
  let [current, spare] = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(size)];
  const fill = (buffer: Buffer, from: number) => {
    const plain = buffer.subarray(0, Math.min(size, end - from));
    const filled = file.readFully(plain, from).then(() => plain);
    filled.catch(() => undefined); // thrown below, when its turn comes
    return filled;
  };
  let reading = fill(current, start);
  for (let from = start; ; from += size) {
    const plain = await reading;
    const next = from + size;
    if (next >= end) {
      yield { plain, final: true };
      return;
    }
    reading = fill(spare, next);
    yield { plain, final: false };
    [current, spare] = [spare, current];
  }
}
