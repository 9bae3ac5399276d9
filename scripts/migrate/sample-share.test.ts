import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { makeSampleShare } from "./sample-share.ts";

let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "longshore-"));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Path, kind, time and content of everything in a folder. */
function listing(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return paths.map((path) => {
    const stats = lstatSync(join(folder, path));
    if (!stats.isFile()) return `${path} ${stats.isDirectory() ? "folder" : "link"}`;
    const hash = createHash("sha256")
      .update(readFileSync(join(folder, path)))
      .digest("hex");
    return `${path} ${stats.mtime.toISOString()} ${stats.size} ${hash}`;
  });
}

describe("makeSampleShare", () => {
  it("makes the same share every time", () => {
    makeSampleShare(join(root, "a"));
    makeSampleShare(join(root, "b"));
    const items = listing(join(root, "a"));
    expect(items).toEqual(listing(join(root, "b")));
    expect(items.length).toBeGreaterThan(60);
    expect(readdirSync(root).sort()).toEqual(["a", "b"]);
  });

  it("has what shares have in them", () => {
    const items = listing(join(root, "a"));
    const has = (pattern: RegExp) => expect(items.filter((item) => pattern.test(item)).length);
    has(/^Empty folder folder$/).toBe(1);
    has(/^Link to the read me link$/).toBe(1);
    has(/^Projects\/Zero bytes\.txt \S+ 0 /).toBe(1);
    has(/^Projects\/Drawing, 5 MB\.bin \S+ 5000000 /).toBe(1);
    has(/日本語/).toBe(1);
    has(/ 200\d-/).toBeGreaterThan(10);
  });

  it("leaves a share alone that is there already", () => {
    const file = join(root, "a", "Read me.txt");
    writeFileSync(file, "changed");
    utimesSync(file, 1, 1);
    makeSampleShare(join(root, "a"));
    expect(readFileSync(file, "utf8")).toBe("changed");
  });
});
