import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  baseName,
  caseKey,
  comparePaths,
  depth,
  extensionOf,
  joinPath,
  parentOf,
  shown,
} from "./paths.ts";

const units = ["a", "b", " ", "!", "-", ".", "0", "\u0001", "\u00e9", "\ud7ff", "\ue000", "\uffff"];
const name = fc.string({
  unit: fc.constantFrom(...units, "\u{10000}", "\u{1f600}"),
  minLength: 1,
  maxLength: 3,
});
const path = fc.array(name, { maxLength: 4 }).map((names) => names.join("/"));

/** The definition, slowly: name by name, by UTF-8 bytes; a folder before what it contains. */
function reference(a: string, b: string): number {
  const left = a === "" ? [] : a.split("/");
  const right = b === "" ? [] : b.split("/");
  for (const [i, x] of left.entries()) {
    const y = right[i];
    if (y === undefined) return 1;
    const order = Buffer.compare(Buffer.from(x), Buffer.from(y));
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

describe("comparePaths", () => {
  it.each([
    ["a", "a/b"],
    ["a/b", "a b"],
    ["a/z", "a!"],
    ["a/z", "a-b"],
    ["a/b/c", "a/b c"],
    ["A", "a"],
    ["a", "aa"],
    ["", "a"],
    ["a/\u0001", "a\u0001"],
    ["\ue000", "\u{1f600}"],
    ["\uffff", "\u{10000}"],
    ["\ud7ff", "\ue000"],
    ["\u{10000}", "\u{10001}"],
    ["z", "\u00e9"],
  ])("%j before %j", (first, second) => {
    expect(comparePaths(first, second)).toBeLessThan(0);
    expect(comparePaths(second, first)).toBeGreaterThan(0);
    expect(comparePaths(first, first)).toBe(0);
  });

  it("is the byte order of a depth-first walk", () => {
    fc.assert(
      fc.property(path, path, (a, b) => {
        expect(Math.sign(comparePaths(a, b))).toBe(Math.sign(reference(a, b)));
      }),
      { numRuns: 2000 },
    );
  });

  it("is a total order, also over strings that are not Unicode", () => {
    const anything = fc
      .array(fc.constantFrom(0x2f, 0x61, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xe000, 0xffff))
      .map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(anything, anything, anything, (a, b, c) => {
        expect(Math.sign(comparePaths(a, b))).toBe(-Math.sign(comparePaths(b, a)) + 0);
        expect(comparePaths(a, b) === 0).toBe(a === b);
        if (comparePaths(a, b) < 0 && comparePaths(b, c) < 0) {
          expect(comparePaths(a, c)).toBeLessThan(0);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("parts of a path", () => {
  it.each([
    // path, parent, name, extension, depth
    ["", "", "", "", 0],
    ["a", "", "a", "", 1],
    ["a.txt", "", "a.txt", "txt", 1],
    ["A/B/c.tar.GZ", "A/B", "c.tar.GZ", "GZ", 3],
    ["A.d/b", "A.d", "b", "", 2],
    ["A/.bashrc", "A", ".bashrc", "", 2],
    ["A/.config.json", "A", ".config.json", "json", 2],
    ["a.", "", "a.", "", 1],
    ["A/\u{1f600}.\u00e9", "A", "\u{1f600}.\u00e9", "\u00e9", 2],
  ])("%j", (text, parent, last, extension, names) => {
    expect(parentOf(text)).toBe(parent);
    expect(baseName(text)).toBe(last);
    expect(extensionOf(text)).toBe(extension);
    expect(depth(text)).toBe(names);
    expect(joinPath(parent, last)).toBe(text);
  });

  it.each([
    ["", "", ""],
    ["", "a", "a"],
    ["A/B", "", "A/B"],
    ["/sites/x", "a/b", "/sites/x/a/b"],
  ])("joinPath(%j, %j)", (parent, child, expected) => {
    expect(joinPath(parent, child)).toBe(expected);
  });
});

describe("shown", () => {
  it("leaves a path as it is that a message can hold", () => {
    const path = "p".repeat(400);
    expect(shown(path)).toBe(path);
  });

  it("shows start and end of a longer one, and no half of a character", () => {
    const path = `a${"\u{1f600}".repeat(3_000)}b`;
    const text = shown(path);
    expect(text).toMatch(/^a.+….+b$/u);
    expect(text.length).toBeLessThanOrEqual(401);
    expect(text.isWellFormed()).toBe(true);
  });
});

describe("caseKey", () => {
  it.each([
    ["README.txt", "readme.TXT", true],
    ["\u00c4rger", "\u00e4RGER", true],
    ["\u041c\u0438\u0440", "\u043c\u0438\u0440", true],
    ["\u{10400}", "\u{10428}", true],
    ["stra\u00dfe", "STRA\u00dfE", true],
    ["stra\u00dfe", "STRASSE", false],
    ["caf\u00e9", "cafe\u0301", false],
    ["a", "b", false],
  ])("%s and %s: %p", (a, b, same) => {
    expect(caseKey(a) === caseKey(b)).toBe(same);
  });
});
