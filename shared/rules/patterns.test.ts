import { describe, expect, it } from "@jest/globals";
import { extensionsProblem, globProblem } from "./patterns.ts";

describe("a glob", () => {
  it.each([
    "*.tmp",
    "~*",
    "Old/**",
    "/Old/*.bak",
    "a[0-9]b",
    "*.{tmp,bak}",
    "\\[draft\\]*",
    "Copy (1)*",
    "!(a|b)",
    "a..b/*",
    "**",
  ])("may be %s", (pattern) => {
    expect(globProblem(pattern)).toBeUndefined();
  });

  it.each([
    ["", /empty/],
    ["[ab", /misses its closing "\]"/],
    ["ab]", /misses its opening "\["/],
    ["*.{a,b", /misses its closing "}"/],
    ["Copy (1", /misses its closing "\)"/],
    ["Old\\Archive", /"\/" between folders/],
    ["\\\\server\\x", /"\/" between folders/],
    ["!*.docx", /everything else/],
    ["Old/", /match nothing.*"\/\*\*"/],
    ["a/../b", /match nothing/],
    ["../b", /match nothing/],
    ["a//b", /match nothing/],
  ])("may not be %s", (pattern, message) => {
    expect(globProblem(pattern)).toMatch(message);
  });

  it.each(["a/b", "a\\b", "backup/", "/a"])("of folders' names may not be %s", (pattern) => {
    expect(globProblem(pattern, true)).toMatch(/name of a folder/);
  });

  it("of folders' names may take the meaning from a sign", () => {
    expect(globProblem("\\[old\\] (2019)", true)).toBeUndefined();
  });
});

describe("a list of extensions", () => {
  it.each(["", "txt", ".txt", "TXT:EXE", " .txt : exe ", "txt:", "r00:7z"])("may be %j", (list) => {
    expect(extensionsProblem(list)).toBeUndefined();
  });

  it.each([
    ["txt exe", /^"txt exe": .* ":" between/],
    ["txt,exe", /^"txt,exe"/],
    ["txt:*.exe", /^"\*\.exe"/],
    ["txt:tar.gz", /^"tar\.gz": .*write "gz"/],
  ])("may not be %j", (list, message) => {
    expect(extensionsProblem(list)).toMatch(message);
  });
});
