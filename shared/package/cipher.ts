import { createCipheriv, createDecipheriv, createHash, hash, randomBytes } from "node:crypto";

/*
 * AES-256-CBC with PKCS7 padding and a fresh IV for every blob, the only cipher the SharePoint Migration API takes
 * (MS docs: migration-api-encryption). A blob holds ciphertext alone; its IV travels base64 in the blob metadata `IV`.
 * MD5 is always that of the ciphertext: what Azure Storage compares with Content-MD5.
 */

const ALGORITHM = "aes-256-cbc";
const KEY_BYTES = 32;

/** Bytes of one AES block: the length of an IV, and what every ciphertext is a multiple of. */
export const BLOCK_BYTES = 16;

/** A blob encrypted in one piece. `md5` is base64, of `data`. */
export interface Encrypted {
  iv: Buffer;
  data: Buffer;
  md5: string;
}

/** Bytes of ciphertext for `plainBytes` of content. Padding is never empty: 0 bytes become 16. */
export function cipherLength(plainBytes: number): number {
  return plainBytes - (plainBytes % BLOCK_BYTES) + BLOCK_BYTES;
}

/** Encrypts a whole blob. Leave `iv` out except to reproduce a known ciphertext. */
export function encryptBuffer(
  key: Uint8Array,
  plain: Uint8Array,
  iv: Uint8Array = randomBytes(BLOCK_BYTES),
): Encrypted {
  const data = encryptRange(key, iv, plain, { last: true });
  return { iv: Buffer.from(iv), data, md5: hash("md5", data, "base64") };
}

/** Throws when key, IV or padding do not fit, as `node:crypto` does. */
export function decryptBuffer(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Buffer {
  checkLengths(key, iv);
  const decipher = createDecipheriv(ALGORITHM, key, iv);
  return Buffer.concat([decipher.update(data), decipher.final()]);
}

/**
 * Encrypts one range of a file on its own, so that an upload can repeat one block by reading only that range again.
 *
 * CBC chains: `previousBlock` is the 16 bytes of ciphertext right before the range (for the first range, the IV), and
 * a range before the last must be a multiple of 16 bytes long, because only the last one is padded. The same plain bytes
 * give the same ciphertext as the first time; when the file has changed meanwhile they do not, which the caller sees
 * by comparing MD5s.
 */
export function encryptRange(
  key: Uint8Array,
  previousBlock: Uint8Array,
  plain: Uint8Array,
  { last }: { last: boolean },
): Buffer {
  checkLengths(key, previousBlock);
  if (!last && plain.length % BLOCK_BYTES !== 0) {
    throw new RangeError(
      `a range before the last must be a multiple of ${BLOCK_BYTES} bytes, not ${plain.length}`,
    );
  }
  const cipher = createCipheriv(ALGORITHM, key, previousBlock).setAutoPadding(last);
  const body = cipher.update(plain);
  return last ? Buffer.concat([body, cipher.final()]) : body;
}

/** One blob encrypted piece by piece, in constant memory. */
export interface Encryptor {
  readonly iv: Buffer;
  /** Plain bytes taken so far. */
  readonly plainBytes: number;
  /** The ciphertext that is complete by now; exactly as long as `chunk` while all chunks are multiples of 16 bytes. */
  update(chunk: Uint8Array): Buffer;
  /** The rest of the ciphertext (at most one block) and the MD5 (base64) of all of it. Call once. */
  final(): { data: Buffer; md5: string };
}

/** Starts a blob. Leave `iv` out except to reproduce a known ciphertext. */
export function createEncryptor(
  key: Uint8Array,
  iv: Uint8Array = randomBytes(BLOCK_BYTES),
): Encryptor {
  checkLengths(key, iv);
  const cipher = createCipheriv(ALGORITHM, key, iv);
  const md5 = createHash("md5");
  let plainBytes = 0;
  return {
    iv: Buffer.from(iv),
    get plainBytes() {
      return plainBytes;
    },
    update(chunk) {
      plainBytes += chunk.length;
      const data = cipher.update(chunk);
      md5.update(data);
      return data;
    },
    final() {
      const data = cipher.final();
      return { data, md5: md5.update(data).digest("base64") };
    },
  };
}

function checkLengths(key: Uint8Array, iv: Uint8Array): void {
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`the content key must be ${KEY_BYTES} bytes, not ${key.length}`);
  }
  if (iv.length !== BLOCK_BYTES) {
    throw new RangeError(`the IV must be ${BLOCK_BYTES} bytes, not ${iv.length}`);
  }
}
