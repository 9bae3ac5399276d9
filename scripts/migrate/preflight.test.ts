import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { preflight } from "./preflight.ts";

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "longshore-")));
  for (const folder of ["source/inner", "library", "data"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, "file"), "");
  symlinkSync(join(root, "source"), join(root, "link"));
  symlinkSync("loop", join(root, "loop"));
});
afterEach(() => rmSync(root, { recursive: true }));

const check = (source: string, library: string, data = "data", free?: () => number) =>
  preflight(
    { source: join(root, source), library: join(root, library), data: join(root, data) },
    free,
  );

describe("preflight", () => {
  it.each([
    ["a missing source", "none", "library", "data", /source folder .* does not exist/],
    ["a source below a file", "file/x", "library", "data", /does not exist/],
    ["a source that is a file", "file", "library", "data", /is not a folder/],
    ["a library that is a file", "source", "file", "data", /library folder .* is not a folder/],
    ["a library below a file", "source", "file/x", "data", /ENOTDIR|is not a folder/],
    ["a library behind a loop", "source", "loop/x", "data", /library folder .* cannot be reached/],
    ["the same folder", "source", "source", "data", /the same folder/],
    ["the same folder by a link", "source", "link", "data", /the same folder/],
    ["a library in the source", "source", "source/inner", "data", /lies inside the source/],
    ["a library yet to be made in it", "source", "source/new/x", "data", /lies inside the source/],
    ["a library in it by a link", "source", "link/new", "data", /lies inside the source/],
    ["a source in the library", "source/inner", "source", "data", /lies inside the library/],
    [
      "data in the source",
      "source",
      "library",
      "source/data",
      /data folder .* lies inside the source/,
    ],
    [
      "data in the library",
      "source",
      "library",
      "library/data",
      /data folder .* inside the library/,
    ],
    ["data that is the source", "source", "library", "link", /data folder .* inside the source/],
    [
      "a source in the data folder",
      "source/inner",
      "library",
      "source",
      /source .* inside the data/,
    ],
  ])("refuses %s and leaves the source alone", (_case, source, library, data, message) => {
    expect(() => check(source, library, data)).toThrow(message);
    expect(readdirSync(join(root, "source"), { recursive: true })).toEqual(["inner"]);
  });

  it("refuses a full disk with what is left of it", () => {
    expect(() => check("source", "library", "data", () => 123_000_000)).toThrow(
      /disk of the library folder .* is full: 123 MB are free, 500 MB are the least/,
    );
  });

  it("makes the folders that are missing and returns real paths", () => {
    expect(check("link", "new/library", "new/data")).toEqual({
      source: join(root, "source"),
      library: join(root, "new/library"),
      data: join(root, "new/data"),
    });
    expect(readdirSync(join(root, "new/library"))).toEqual([]);
  });

  it("allows a library in the data folder, and the sample share", () => {
    expect(() => check("source", "data/library")).not.toThrow();
    mkdirSync(join(root, "data/sample-share"));
    const folders = { source: "data/sample-share", library: "data/sample-library", data: "data" };
    const [source, library, data] = Object.values(folders).map((path) => join(root, path));
    if (!source || !library || !data) throw new Error("unreachable");
    expect(() => preflight({ source, library, data, sample: true })).not.toThrow();
  });
});
