import { randomBytes } from "node:crypto";
import { expect, it } from "@jest/globals";
import fc from "fast-check";
import { seal, unseal } from "./sealedText.ts";

const key = randomBytes(32);

it("comes back as it was, and never looks the same twice", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const sealed = seal(key, text.toWellFormed());
      expect(unseal(key, sealed)).toBe(text.toWellFormed());
      expect(seal(key, text.toWellFormed())).not.toBe(sealed);
    }),
  );
});

it("shows nothing of the text, and opens for no other key nor after a change", () => {
  const sealed = seal(key, "https://x.blob.core.windows.net/c?sig=secret");
  expect(Buffer.from(sealed, "base64").includes("sig=")).toBe(false);
  expect(() => unseal(randomBytes(32), sealed)).toThrow();
  const changed = Buffer.from(sealed, "base64");
  changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
  expect(() => unseal(key, changed.toString("base64"))).toThrow();
});
