import { randomBytes } from "node:crypto";
import { type ArchiveBuilder, createArchive } from "../../shared/package/archive.ts";
import { BLOCK_BYTES, cipherLength, createEncryptor } from "../../shared/package/cipher.ts";
import { createQuickXorHash } from "../../shared/package/quick-xor-hash.ts";
import { MAX_ARCHIVES } from "../../shared/rules/limits.ts";
import { CHUNK_BYTES, type EncryptedBody, storeBlob } from "./blobs.ts";
import type { Container } from "./container.ts";

export interface StoredArchive {
  name: string;
  /** base64 QuickXorHash of the blob as it is stored. */
  checksum: string;
}

export interface Packed {
  archive: string;
  /** Resolves when the archive with the member is in storage. */
  stored: Promise<void>;
}

export interface Packer {
  /** Puts an encrypted blob into an archive; undefined when all archives that a package may have are full. */
  add(name: string, data: Buffer): Packed | undefined;
  /** Stores what is not stored yet; the archives that have made it. */
  finish(): Promise<StoredArchive[]>;
}

/** Fills one archive after the other; a full one goes to storage while the next one fills. */
export function createPacker(container: Container, key: Uint8Array, prefix: string): Packer {
  const storing: Promise<StoredArchive>[] = [];
  let open: { builder: ArchiveBuilder; packed: Packed; close(): Promise<void> } | undefined;
  let begun = 0;

  function begin() {
    const builder = createArchive();
    const archive = `${prefix}-pack${begun++}.zip`;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => undefined); // every member's file looks at it
    const close = async () => {
      const stored = storeArchive(container, archive, key, builder);
      storing.push(stored);
      await stored.then(() => resolve(), reject);
    };
    return { builder, packed: { archive, stored: promise }, close };
  }

  return {
    add(name, data) {
      for (;;) {
        if (open?.builder.tryAdd(name, data)) return open.packed;
        void open?.close();
        open = begun < MAX_ARCHIVES ? begin() : undefined;
        if (open === undefined) return undefined;
      }
    },
    async finish() {
      await open?.close();
      const outcomes = await Promise.allSettled(storing);
      return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    },
  };
}

async function storeArchive(
  container: Container,
  name: string,
  key: Uint8Array,
  zip: ArchiveBuilder,
): Promise<StoredArchive> {
  const { checksum, ...body } = encryptedZip(key, zip);
  await storeBlob(container, name, body);
  return { name, checksum: checksum() };
}

/** Encrypts the zip as it is sent: a slot's archives are most of an agent's memory, and every copy would double it. */
function encryptedZip(
  key: Uint8Array,
  zip: ArchiveBuilder,
): EncryptedBody & { checksum(): string } {
  const iv = randomBytes(BLOCK_BYTES);
  let md5 = "";
  let checksum = "";
  return {
    length: cipherLength(zip.size),
    iv,
    md5: () => md5,
    checksum: () => checksum,
    *open() {
      const encryptor = createEncryptor(key, iv);
      const quickXor = createQuickXorHash();
      for (const piece of inChunks(zip.pieces())) {
        const data = encryptor.update(piece);
        quickXor.update(data);
        yield data;
      }
      const end = encryptor.final();
      md5 = end.md5;
      checksum = quickXor.update(end.data).digest();
      yield end.data;
    },
  };
}

/** Gathers small pieces, because each one that is sent on its own costs a write. */
function* inChunks(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    gathered.push(piece);
    bytes += piece.length;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(gathered, bytes);
    gathered = [];
    bytes = 0;
  }
  yield Buffer.concat(gathered, bytes);
}
