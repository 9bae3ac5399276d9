import { describe, expect, it } from "@jest/globals";
import { checkPath } from "./destinationPath.ts";
import { checkFileSize } from "./fileSize.ts";
import { MAX_FILE_BYTES, MAX_PATH_LENGTH, MAX_TIME, MIN_TIME } from "./limits.ts";
import { checkTime } from "./times.ts";

describe("checkPath", () => {
  const target = { serverRelativeFolder: "/sites/finance/Shared Documents" };
  const room = MAX_PATH_LENGTH - target.serverRelativeFolder.length - 1;

  it.each([
    ["the folder itself", "", true],
    ["the longest", "a".repeat(room), true],
    ["one more", "a".repeat(room + 1), false],
    ["slashes count", `${"a".repeat(room - 2)}/b`, true],
    ["nothing is percent-encoded", " #%\u00e9".repeat(room / 4).slice(0, room), true],
    ["an emoji counts twice", `${"a".repeat(room - 1)}\u{1f600}`, false],
  ])("%s", (_what, path, fits) => {
    expect(checkPath(target, path)?.code).toBe(fits ? undefined : "PATH_TOO_LONG");
  });

  it("says how long the path would be", () => {
    expect(checkPath(target, "a".repeat(room + 7))?.message).toContain("407 characters");
  });
});

describe("checkFileSize", () => {
  it.each([
    [0, undefined],
    [MAX_FILE_BYTES, undefined],
    [MAX_FILE_BYTES + 1, "FILE_TOO_LARGE"],
  ])("%i bytes: %s", (bytes, code) => {
    expect(checkFileSize(bytes)?.code).toBe(code);
  });
});

describe("checkTime", () => {
  it.each([
    [0, undefined],
    [MIN_TIME, undefined],
    [MIN_TIME - 1, "TIME_NOT_SUPPORTED"],
    [MAX_TIME, undefined],
    [MAX_TIME + 1, "TIME_NOT_SUPPORTED"],
    [Number.NaN, "TIME_NOT_SUPPORTED"],
  ])("%d: %s", (ms, code) => {
    expect(checkTime(ms)?.code).toBe(code);
  });
});
