import { expect, it } from "@jest/globals";
import { mayRead } from "./sourceRoots.ts";

it.each([
  ["linux", [], "/srv/a", true],
  ["linux", ["/srv/a"], "/srv/a", true],
  ["linux", ["/srv/a/"], "/srv/a/b", true],
  ["linux", ["/"], "/srv/a", true],
  ["linux", ["/srv/a"], "/srv/ab", false],
  ["linux", ["/srv/a"], "/srv/A", false],
  ["linux", ["/srv/a", "/mnt"], "/mnt/x/", true],
  ["win32", ["\\\\FS01\\Finance"], "//fs01/finance/2024", true],
  ["win32", ["D:\\Shares\\"], "d:/shares", true],
  ["win32", ["D:\\Shares"], "D:\\Shares2", false],
])("on %s, an agent with the roots %j may read %s: %s", (_platform, sourceRoots, source, may) => {
  expect(mayRead({ sourceRoots }, source)).toBe(may);
});
