/**
 * QuickXorHash, the checksum SharePoint and OneDrive keep for every file and expect of archives (MS docs: "Code Snippets:
 * QuickXorHash Algorithm"): byte i is XORed into a ring of 160 bits at bit 11 * i, and at the end the length, as 64 bits,
 * into the last eight bytes.
 */
export interface QuickXorHash {
  update(chunk: Uint8Array): QuickXorHash;
  /** base64 of the 20 bytes of all content so far. */
  digest(): string;
  /** Another hash that goes on from here. */
  copy(): QuickXorHash;
}

const RING_BITS = 160;
const RING_BYTES = RING_BITS / 8;
const SHIFT = 11;

/*
 * 160 * 11 is a multiple of 160, so bytes 160 apart meet the same bits. It is enough to XOR the content into one block of
 * 160 bytes, 32 bits at a time (some 4 GB/s), and to spread that block over the ring once, in `digest`.
 */
const BLOCK_BYTES = 160;
const BLOCK_WORDS = BLOCK_BYTES / 4;

export const createQuickXorHash = (): QuickXorHash => hashFrom(new Int32Array(BLOCK_WORDS), 0);

function hashFrom(words: Int32Array, begun: number): QuickXorHash {
  let length = begun;
  return {
    update(chunk) {
      const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
      let at = 0;
      while (at < chunk.length) {
        const column = (length + at) % BLOCK_BYTES;
        if (column === 0 && chunk.length - at >= BLOCK_BYTES) {
          at = xorWholeBlocks(words, view, at);
        } else {
          const word = column >> 2;
          words[word] = (words[word] as number) ^ (view.getUint8(at++) << (8 * (column & 3)));
        }
      }
      length += chunk.length;
      return this;
    },
    digest() {
      const ring = spread(words);
      const tail = RING_BYTES - 8;
      ring.writeBigUInt64LE(ring.readBigUInt64LE(tail) ^ BigInt(length), tail);
      return ring.toString("base64");
    },
    copy: () => hashFrom(words.slice(), length),
  };
}

/** QuickXorHash of one buffer, base64. */
export function quickXorHash(data: Uint8Array): string {
  return createQuickXorHash().update(data).digest();
}

/** XORs every whole block of `view` from `at` on into `words`; returns where the rest begins. */
function xorWholeBlocks(words: Int32Array, view: DataView, at: number): number {
  let next = at;
  while (next + BLOCK_BYTES <= view.byteLength) {
    for (let word = 0; word < BLOCK_WORDS; word++, next += 4) {
      words[word] = (words[word] as number) ^ view.getInt32(next, true);
    }
  }
  return next;
}

function spread(words: Int32Array): Buffer {
  const ring = Buffer.alloc(RING_BYTES);
  for (let column = 0; column < BLOCK_BYTES; column++) {
    const byte = ((words[column >> 2] as number) >>> (8 * (column & 3))) & 0xff;
    const bit = (column * SHIFT) % RING_BITS;
    const low = bit >> 3;
    const high = (low + 1) % RING_BYTES;
    const shifted = byte << (bit & 7);
    ring[low] = (ring[low] as number) ^ (shifted & 0xff);
    ring[high] = (ring[high] as number) ^ (shifted >> 8);
  }
  return ring;
}
