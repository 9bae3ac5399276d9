import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createQuickXorHash, quickXorHash } from "./quick-xor-hash.ts";

/** The definition, slowly: a 160-bit number that every byte is rotated into. */
function reference(data: Uint8Array): string {
  const mask = (1n << 160n) - 1n;
  let ring = 0n;
  data.forEach((byte, i) => {
    const wide = BigInt(byte) << BigInt((11 * i) % 160);
    ring ^= (wide & mask) | (wide >> 160n);
  });
  ring ^= BigInt(data.length) << 96n;
  const hex = ring.toString(16).padStart(40, "0");
  return Buffer.from(hex, "hex").reverse().toString("base64");
}

describe("quickXorHash", () => {
  // Values that rclone's backend/onedrive/quickxorhash tests its implementation with.
  it.each([
    ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="],
    ["Sg==", "SgAAAAAAAAAAAAAAAQAAAAAAAAA="],
    ["jRRDVA==", "jaDAEKgAAAAAAAAABAAAAAAAAAA="],
    ["2fuxhBJXtpWFe8dOfdGeHw==", "O9tHLAghgSvYohKFyMMxnNCHaHg="],
    [
      "Mb7EGva2rEE5fENDL85P+BsapHEEjv2/siVhKjvAQe02feExVOQSkfmuYzU/kTF1MaKjPmKF/w+cbvwfdWL8aQ==",
      "n1anP5NfvD4XDYWIeRPW3ZkPv1Y=",
    ],
  ])("%s", (content, expected) => {
    expect(quickXorHash(Buffer.from(content, "base64"))).toBe(expected);
  });

  it("is the definition, at any length and alignment", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), fc.nat(7), (bytes, offset) => {
        const data = bytes.subarray(Math.min(offset, bytes.length));
        expect(quickXorHash(data)).toBe(reference(data));
      }),
    );
  });

  it("does not depend on how the content is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 })), (chunks) => {
        const hash = createQuickXorHash();
        for (const chunk of chunks) hash.update(chunk);
        expect(hash.digest()).toBe(quickXorHash(Buffer.concat(chunks)));
      }),
    );
  });

  it("goes two ways after a copy", () => {
    const hash = createQuickXorHash().update(Buffer.from("together"));
    const copy = hash.copy();
    expect(hash.update(Buffer.from(" one")).digest()).toBe(
      quickXorHash(Buffer.from("together one")),
    );
    expect(copy.update(Buffer.from(" two")).digest()).toBe(
      quickXorHash(Buffer.from("together two")),
    );
  });
});
