const WIDTH_BITS = 160;
const SHIFT_BITS = 11;

/**
 * QuickXorHash of a buffer (20 bytes), the content hash of SharePoint and OneDrive.
 *
 * MS docs "QuickXorHash algorithm": byte i is xored into a 160-bit little-endian ring at bit position 11 * i, and the
 * length, as a little-endian 64-bit number, is xored into the last eight bytes.
 */
export function quickXorHash(data: Uint8Array): Buffer {
  const ring = Buffer.alloc(WIDTH_BITS / 8);
  const xorAt = (at: number, byte: number) => ring.writeUInt8(ring.readUInt8(at) ^ byte, at);
  for (const [i, byte] of foldToColumns(data).entries()) {
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

/** 11 and 160 are coprime: bytes that are 160 apart meet at the same position, so they can be xored beforehand. */
function foldToColumns(data: Uint8Array): Uint8Array {
  const bytes = new DataView(data.buffer, data.byteOffset, data.length);
  const columns = new DataView(new ArrayBuffer(WIDTH_BITS));
  let i = 0;
  for (; i + 4 <= data.length; i += 4) {
    const column = i % WIDTH_BITS;
    columns.setInt32(column, columns.getInt32(column) ^ bytes.getInt32(i));
  }
  for (; i < data.length; i++) {
    const column = i % WIDTH_BITS;
    columns.setUint8(column, columns.getUint8(column) ^ bytes.getUint8(i));
  }
  return new Uint8Array(columns.buffer);
}
