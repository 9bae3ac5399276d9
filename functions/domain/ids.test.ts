import { describe, expect, it } from "@jest/globals";
import { isId, newId } from "./ids.ts";

describe("ids", () => {
  it("have the length that was asked for, and no letter that is mistaken for another", () => {
    for (const length of [4, 6, 8, 10]) {
      const id = newId(length);
      expect(id).toMatch(new RegExp(`^[0-9a-hjkmnp-tv-z]{${length}}$`));
      expect(isId(id)).toBe(true);
    }
  });

  it("use every letter, and do not repeat", () => {
    const ids = Array.from({ length: 2_000 }, () => newId());
    expect(new Set(ids.join("")).size).toBe(32);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([
    "",
    "abc",
    "UPPER000",
    "a/bcd",
    "a'bcd",
    "a.bcd",
    "abcd\n",
    "x".repeat(33),
    12345,
    null,
    {},
  ])("%j is none", (value) => expect(isId(value)).toBe(false));
});
