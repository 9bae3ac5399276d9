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
  for (let start = 0; start < data.length; start += WIDTH_BITS) {
    const end = Math.min(WIDTH_BITS, data.length - start);
    for (let i = 0; i < end; i++) columns[i]! ^= data[start + i]!;
  }
  const ring = Buffer.alloc(WIDTH_BITS / 8);
  for (let i = 0; i < WIDTH_BITS; i++) {
    const bit = (i * SHIFT_BITS) % WIDTH_BITS;
    const at = bit >> 3;
    const shifted = columns[i]! << (bit & 7);
    ring[at]! ^= shifted & 0xff;
    ring[(at + 1) % ring.length]! ^= shifted >> 8;
  }
  const tail = ring.length - 8;
  ring.writeBigUInt64LE(ring.readBigUInt64LE(tail) ^ BigInt(data.length), tail);
  return ring;
}
