// Reading AMQP 1.0 values where they lie, without building objects for what the broker does not need
// (AMQP 1.0 part 1, section 1.6: the high nibble of a type code tells the width of the value).

export const SECTION = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  messageAnnotations: 0x72,
  properties: 0x73,
  applicationProperties: 0x74,
  data: 0x75,
} as const;

/** A value that the broker looks at; everything else reads as undefined. */
export type Scalar = string | number | boolean | Buffer | undefined;

export interface Section {
  code: number;
  /** Where the section begins, where its value begins, and where it ends. */
  start: number;
  value: number;
  end: number;
}

/** The offset behind the value at `at`. */
export function skip(bytes: Buffer, at: number): number {
  const code = bytes.readUInt8(at);
  if (code === 0x00) return skip(bytes, skip(bytes, at + 1));
  switch (code >> 4) {
    case 0x4:
      return at + 1;
    case 0x5:
      return at + 2;
    case 0x6:
      return at + 3;
    case 0x7:
      return at + 5;
    case 0x8:
      return at + 9;
    case 0x9:
      return at + 17;
    case 0xa:
    case 0xc:
    case 0xe:
      return at + 2 + bytes.readUInt8(at + 1);
    case 0xb:
    case 0xd:
    case 0xf:
      return at + 5 + bytes.readUInt32BE(at + 1);
    default:
      throw new RangeError(`unknown AMQP type code 0x${code.toString(16)}`);
  }
}

/** The sections of an encoded message in order. */
export function* sections(bytes: Buffer): Generator<Section> {
  let start = 0;
  while (start < bytes.length) {
    const [code, value] = readDescriptor(bytes, start);
    const end = skip(bytes, value);
    if (end > bytes.length) throw new RangeError("the message ends inside a section");
    yield { code, start, value, end };
    start = end;
  }
}

/** Clients name sections by number (they might by symbol, AMQP part 3, section 3.2, but none does). */
function readDescriptor(bytes: Buffer, at: number): [code: number, value: number] {
  const type = bytes.readUInt16BE(at);
  if (type === 0x0053) return [bytes.readUInt8(at + 2), at + 3];
  if (type === 0x0080) return [Number(bytes.readBigUInt64BE(at + 2)), at + 10];
  throw new RangeError("a message section was expected");
}

/** The offsets of the elements of the list or map at `at` (a map: key, value, key, value). */
export function elements(bytes: Buffer, at: number): number[] {
  const code = bytes.readUInt8(at);
  if (code === 0x45 || code === 0x40) return [];
  const wide = code === 0xd0 || code === 0xd1;
  if (!wide && code !== 0xc0 && code !== 0xc1) throw new RangeError("a list or map was expected");
  const count = wide ? bytes.readUInt32BE(at + 5) : bytes.readUInt8(at + 2);
  const end = skip(bytes, at);
  const offsets: number[] = [];
  let next = at + (wide ? 9 : 3);
  for (let i = 0; i < count; i++) {
    if (next >= end) throw new RangeError("a list or map is shorter than it says");
    offsets.push(next);
    next = skip(bytes, next);
  }
  return offsets;
}

/** Reads one scalar; undefined for null, for compound values and for an element that is not there. */
export function read(bytes: Buffer, at: number | undefined): Scalar {
  if (at === undefined) return undefined;
  const code = bytes.readUInt8(at);
  switch (code) {
    case 0x41:
      return true;
    case 0x42:
      return false;
    case 0x56:
      return bytes.readUInt8(at + 1) === 1;
    case 0x43:
    case 0x44:
      return 0;
    case 0x50:
    case 0x52:
    case 0x53:
      return bytes.readUInt8(at + 1);
    case 0x51:
    case 0x54:
    case 0x55:
      return bytes.readInt8(at + 1);
    case 0x60:
      return bytes.readUInt16BE(at + 1);
    case 0x61:
      return bytes.readInt16BE(at + 1);
    case 0x70:
      return bytes.readUInt32BE(at + 1);
    case 0x71:
      return bytes.readInt32BE(at + 1);
    case 0x80:
      return Number(bytes.readBigUInt64BE(at + 1));
    case 0x81:
    case 0x83:
      return Number(bytes.readBigInt64BE(at + 1));
    case 0x98:
      return bytes.subarray(at + 1, at + 17);
    case 0xa0:
      return bytes.subarray(at + 2, skip(bytes, at));
    case 0xb0:
      return bytes.subarray(at + 5, skip(bytes, at));
    case 0xa1:
    case 0xa3:
      return bytes.toString("utf8", at + 2, skip(bytes, at));
    case 0xb1:
    case 0xb3:
      return bytes.toString("utf8", at + 5, skip(bytes, at));
    default:
      return undefined;
  }
}
