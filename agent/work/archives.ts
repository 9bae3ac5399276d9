import { type ArchiveBuilder, createArchive } from "../../shared/package/archive.ts";
import { encryptBuffer } from "../../shared/package/cipher.ts";
import { quickXorHash } from "../../shared/package/quick-xor-hash.ts";
import { MAX_ARCHIVES } from "../../shared/rules/limits.ts";
import type { Container } from "../storage/container.ts";
import { storeEncrypted } from "./blobs.ts";

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
export function createPacker(container: Container, key: Uint8Array): Packer {
  const storing: Promise<StoredArchive>[] = [];
  let open: { builder: ArchiveBuilder; packed: Packed; close(): Promise<void> } | undefined;
  let begun = 0;

  function begin() {
    const builder = createArchive();
    const archive = `pack${begun++}.zip`;
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
  builder: ArchiveBuilder,
): Promise<StoredArchive> {
  const encrypted = encryptBuffer(key, builder.finish());
  await storeEncrypted(container, name, encrypted);
  return { name, checksum: quickXorHash(encrypted.data) };
}
