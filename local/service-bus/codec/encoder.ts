/** Writes AMQP 1.0 values one after the other into a buffer that grows. Meant to be reused: `finish` empties it. */
export class Encoder {
  #bytes = Buffer.allocUnsafe(1_024);
  #length = 0;

  null(): this {
    return this.#code(0x40, 0);
  }

  boolean(value: boolean): this {
    return this.#code(value ? 0x41 : 0x42, 0);
  }

  ubyte(value: number): this {
    this.#code(0x50, 1);
    this.#length = this.#bytes.writeUInt8(value, this.#length);
    return this;
  }

  uint(value: number): this {
    this.#code(0x70, 4);
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
    return this;
  }

  int(value: number): this {
    this.#code(0x71, 4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
    return this;
  }

  long(value: number): this {
    return this.#wide(0x81, value);
  }

  /** Milliseconds since 1970. */
  timestamp(value: number): this {
    return this.#wide(0x83, value);
  }

  uuid(value: Buffer): this {
    return this.#code(0x98, 16).raw(value);
  }

  string(value: string): this {
    const bytes = Buffer.from(value, "utf8");
    if (bytes.length < 256) {
      this.#code(0xa1, 1);
      this.#length = this.#bytes.writeUInt8(bytes.length, this.#length);
    } else {
      this.#code(0xb1, 4);
      this.#length = this.#bytes.writeUInt32BE(bytes.length, this.#length);
    }
    return this.raw(bytes);
  }

  /** Bytes that are encoded already. */
  raw(bytes: Buffer): this {
    this.#reserve(bytes.length);
    this.#length += bytes.copy(this.#bytes, this.#length);
    return this;
  }

  /** A message section whose value is a list or map of `count` elements (a map: keys and values both count). */
  section(code: number, kind: "list" | "map", count: number, write: () => void): this {
    this.#reserve(12);
    const start = this.#length;
    this.#bytes.set([0x00, 0x53, code, kind === "list" ? 0xd0 : 0xd1], start);
    this.#length = start + 12;
    write();
    this.#bytes.writeUInt32BE(this.#length - start - 8, start + 4);
    this.#bytes.writeUInt32BE(count, start + 8);
    return this;
  }

  /** The bytes written since the last call, followed by `tail`. */
  finish(tail?: Buffer): Buffer {
    const result = Buffer.allocUnsafe(this.#length + (tail?.length ?? 0));
    this.#bytes.copy(result, 0, 0, this.#length);
    tail?.copy(result, this.#length);
    this.#length = 0;
    return result;
  }

  #wide(code: number, value: number): this {
    this.#code(code, 8);
    const high = Math.floor(value / 0x1_0000_0000);
    this.#bytes.writeInt32BE(high, this.#length);
    this.#bytes.writeUInt32BE(value - high * 0x1_0000_0000, this.#length + 4);
    this.#length += 8;
    return this;
  }

  #code(code: number, width: number): this {
    this.#reserve(1 + width);
    this.#bytes[this.#length++] = code;
    return this;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + count));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

const scratch = new Encoder();
export const encodeString = (value: string): Buffer => scratch.string(value).finish();

/** A symbol of less than 256 ASCII characters. */
export const encodeSymbol = (value: string): Buffer =>
  Buffer.concat([Buffer.from([0xa3, value.length]), Buffer.from(value, "latin1")]);
