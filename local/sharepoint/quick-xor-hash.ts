const WIDTH_BITS = 160;
const SHIFT_BITS = 11;

/**
 * QuickXorHash of a buffer (20 bytes), the content hash of SharePoint and OneDrive.
 *
 * MS docs "QuickXorHash algorithm": byte i is xored into a 160-bit little-endian ring at bit position 11 * i, and the
 * length, as a little-endian 64-bit number, is xored into the last eight bytes.
 */
export function quickXorHash(data: Uint8Array): Buffer {
  // 11 and 160 are coprime: bytes that are 160 apart meet at the same position, so fold the input to 160 columns first.
  const columns = new Uint8Array(WIDTH_BITS);
  let column = 0;
  for (const byte of data) {
    columns[column] = byte ^ (columns[column] ?? 0);
    column = column === WIDTH_BITS - 1 ? 0 : column + 1;
  }
  const ring = Buffer.alloc(WIDTH_BITS / 8);
  const xorAt = (at: number, byte: number) => {
    ring[at] = byte ^ (ring[at] ?? 0);
  };
  for (const [i, byte] of columns.entries()) {
    const bit = (i * SHIFT_BITS) % WIDTH_BITS;
    const at = bit >> 3;
    const shifted = byte << (bit & 7);
    xorAt(at, shifted & 0xff);
    xorAt((at + 1) % ring.length, shifted >> 8);
  }
  const tail = ring.length - 8;
  ring.writeBigUInt64LE(ring.readBigUInt64LE(tail) ^ BigInt(data.length), tail);
  return ring;
}
