import { createHash, hash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  BLOCK_BYTES,
  cipherLength,
  createEncryptor,
  decryptBuffer,
  encryptBuffer,
  encryptRange,
} from "./cipher.ts";

interface Vectors {
  keyBase64: string;
  blobs: Vector[];
  emptyFile: Omit<Vector, "name" | "md5OfCipherBase64">;
  queueMessage: { eventUtf8Base64: string; envelope: { IV: string; Content: string } };
}

interface Vector {
  name: string;
  plainBase64: string;
  ivBase64: string;
  cipherBase64: string;
  md5OfCipherBase64: string;
}

const vectors: Vectors = JSON.parse(
  await readFile(
    new URL("../../test/fixtures/migration-package/vectors.json", import.meta.url),
    "utf8",
  ),
);
const bytes = (base64: string) => Buffer.from(base64, "base64");
const key = bytes(vectors.keyBase64);

describe("known ciphertexts", () => {
  it.each(vectors.blobs)("$name", (vector) => {
    const { data, md5 } = encryptBuffer(key, bytes(vector.plainBase64), bytes(vector.ivBase64));
    expect(data.toString("base64")).toBe(vector.cipherBase64);
    expect(md5).toBe(vector.md5OfCipherBase64);
    expect(decryptBuffer(key, bytes(vector.ivBase64), data)).toEqual(bytes(vector.plainBase64));
  });

  it("an empty file is one block of padding", () => {
    const { ivBase64, cipherBase64 } = vectors.emptyFile;
    const { data } = encryptBuffer(key, Buffer.alloc(0), bytes(ivBase64));
    expect(data.toString("base64")).toBe(cipherBase64);
  });

  it("an encrypted queue message", () => {
    const { envelope, eventUtf8Base64 } = vectors.queueMessage;
    const event = decryptBuffer(key, bytes(envelope.IV), bytes(envelope.Content));
    expect(event.toString("base64")).toBe(eventUtf8Base64);
  });
});

describe("cipherLength", () => {
  it.each([
    [0, 16],
    [1, 16],
    [15, 16],
    [16, 32],
    [17, 32],
    [102_399, 102_400],
    [250 * 1024 ** 3 - 1, 250 * 1024 ** 3],
  ])("%i -> %i", (plain, cipher) => {
    expect(cipherLength(plain)).toBe(cipher);
  });

  it("is what encryption yields", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (plain) => {
        expect(encryptBuffer(key, plain).data.length).toBe(cipherLength(plain.length));
      }),
    );
  });
});

describe("createEncryptor", () => {
  it("gives the same as encryptBuffer, however the content is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 70 })), (chunks) => {
        const plain = Buffer.concat(chunks);
        const encryptor = createEncryptor(key);
        const body = chunks.map((chunk) => encryptor.update(chunk));
        const { data, md5 } = encryptor.final();
        const whole = encryptBuffer(key, plain, encryptor.iv);
        expect(Buffer.concat([...body, data])).toEqual(whole.data);
        expect(md5).toBe(whole.md5);
        expect(encryptor.plainBytes).toBe(plain.length);
      }),
    );
  });

  it("gives back as much as it takes while chunks are multiples of a block", () => {
    const encryptor = createEncryptor(key);
    expect(encryptor.update(randomBytes(8192)).length).toBe(8192);
    expect(encryptor.update(randomBytes(16)).length).toBe(16);
    expect(encryptor.final().data.length).toBe(16);
  });

  it("takes a fresh IV for every blob", () => {
    expect(createEncryptor(key).iv).not.toEqual(createEncryptor(key).iv);
    expect(encryptBuffer(key, key).iv).not.toEqual(encryptBuffer(key, key).iv);
  });
});

describe("encryptRange", () => {
  const range = 64;
  const plain = randomBytes(3 * range + 5);
  const { iv, data } = encryptBuffer(key, plain);

  it.each([0, 1, 2, 3])("repeats range %i of a file alone", (index) => {
    const start = index * range;
    const last = index === 3;
    const previous = index === 0 ? iv : data.subarray(start - BLOCK_BYTES, start);
    const part = encryptRange(key, previous, plain.subarray(start, start + range), { last });
    expect(part).toEqual(data.subarray(start, last ? undefined : start + range));
  });

  it("refuses a range that would break the chain", () => {
    expect(() => encryptRange(key, iv, plain.subarray(0, 17), { last: false })).toThrow(
      /multiple of 16 bytes, not 17/,
    );
  });

  it("shows by its MD5 when the file has changed", () => {
    const changed = Buffer.from(plain);
    changed.writeUInt8(changed.readUInt8(range) ^ 1, range);
    const again = encryptRange(key, data.subarray(range - 16, range), changed.subarray(range), {
      last: true,
    });
    expect(hash("md5", again)).not.toBe(
      createHash("md5").update(data.subarray(range)).digest("hex"),
    );
  });
});

describe("refusals", () => {
  it.each([
    ["a short key", () => encryptBuffer(key.subarray(1), key), /key must be 32 bytes, not 31/],
    ["a short IV", () => decryptBuffer(key, key, key), /IV must be 16 bytes, not 32/],
    ["the wrong key", () => decryptBuffer(randomBytes(32), key.subarray(0, 16), key), /./],
  ])("%s", (_what, call, message) => {
    expect(call).toThrow(message);
  });
});
