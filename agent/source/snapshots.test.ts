import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createLog } from "../log.ts";
import { holdsSnapshots, openSnapshots } from "./snapshots.ts";

const log = createLog("silent");
let top: string;

beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), "snapshots-")));
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

const folder = (path: string) => mkdirSync(join(top, path), { recursive: true });

interface Options {
  roots?: string[];
  folder?: string;
}
const open = (source: string, { roots = ["."], folder }: Options = {}) =>
  openSnapshots(join(top, source), { roots: roots.map((root) => join(top, root)), folder, log });

/** Place and names, below the top. */
async function found(source: string, options?: Options) {
  const answer = await open(source, options).find();
  if (!answer) return undefined;
  const short = (path: string) => path.slice(top.length + 1);
  for (const { name, path } of answer.snapshots) expect(path).toBe(answer.place.replace("*", name));
  return [short(answer.place), ...answer.snapshots.map(({ name }) => name).sort()];
}

describe("the snapshots of a source", () => {
  it.each([".snapshot/*", "~snapshot/*", ".zfs/snapshot/*", ".snapshots/*/snapshot"])(
    "are found as %s, without being told",
    async (pattern) => {
      for (const name of ["1", "2"]) folder(`share/${pattern.replace("*", name)}/a/b`);
      folder("share/a/b");
      expect(await found("share")).toEqual([`share/${pattern}`, "1", "2"]);
      expect(await found("share/a/b")).toEqual([`share/${pattern}/a/b`, "1", "2"]);
    },
  );

  it("are those of the nearest place that has the source in any", async () => {
    folder("share/a/b");
    for (const name of ["old", "new"]) folder(`share/.snapshot/${name}/a/b`);
    folder("share/.snapshot/before it was made");
    folder("share/a/.snapshot/other");
    expect(await found("share/a/b")).toEqual(["share/.snapshot/*/a/b", "new", "old"]);
    folder("share/a/.snapshot/near/b");
    expect(await found("share/a/b")).toEqual(["share/a/.snapshot/*/b", "near"]);
  });

  it("are not looked for beyond the agent's roots", async () => {
    folder("share/a/b");
    folder("share/.snapshot/s/a/b");
    const roots = ["elsewhere", "share/a"];
    expect(await found("share/a/b", { roots })).toBeUndefined();
    expect(await open("share/a/b", { roots }).named("s")).toBeUndefined();
    expect(await found("share/a/b", { roots: [...roots, "share"] })).toBeDefined();
    expect(await found("share/a/b", { roots: [] })).toBeDefined();
  });

  it("are where the task says, and nowhere else", async () => {
    folder("share/a");
    folder("share/.snapshot/usual/a");
    for (const name of ["x", "y"]) folder(`share/#past/kept/${name}/data/a`);
    expect(await found("share/a", { folder: "#past/kept/*/data" })).toEqual([
      ...["share/#past/kept/*/data/a", "x", "y"],
    ]);
    expect(await found("share/a", { folder: "#past/*/x" })).toBeUndefined();
  });

  it.each([
    ...["../*", ".snapshot/../../*", "/etc/*", "a/*/../b", ".", "", "*", "*/a", "a/**", "a/*/*"],
    ...["a/b", "a//*", "./*", "a\\..\\*", "C:/*", "a/x*"],
  ])('are not looked for with "%s"', (pattern) => {
    expect(() => open(".", { folder: pattern })).toThrow(
      expect.objectContaining({ code: "SOURCE_NOT_ALLOWED" }),
    );
  });

  it("are folders that no link leads to or through", async () => {
    folder("secret/a/b");
    folder("secret/b");
    folder("share/a/b");
    folder("share/.snapshot/good/a/b");
    writeFileSync(join(top, "share/.snapshot/file"), "");
    symlinkSync(join(top, "secret"), join(top, "share/.snapshot/link"));
    folder("share/.snapshot/inner");
    symlinkSync(join(top, "secret/a"), join(top, "share/.snapshot/inner/a"));
    folder("share/.snapshot/last/a");
    symlinkSync(join(top, "secret/b"), join(top, "share/.snapshot/last/a/b"));
    symlinkSync("loop", join(top, "share/.snapshot/loop"));
    const good = ["share/.snapshot/*/a/b", "good"];
    expect(await found("share/a/b")).toEqual(good);
    for (const name of ["link", "inner", "last", "loop", "file", "none"])
      expect(await open("share/a/b").named(name)).toBeUndefined();
    // The whole folder of snapshots as a link.
    symlinkSync(join(top, "share/.snapshot"), join(top, "share/a/.snapshot"));
    symlinkSync(join(top, "secret"), join(top, "share/a/~snapshot"));
    expect(await found("share/a")).toEqual(["share/.snapshot/*/a", "good", "last"]);
  });

  it("are opened by their names, which are no paths", async () => {
    folder("share/.snapshot/s/inner");
    folder("share/other");
    expect(await open("share").named("s")).toEqual({
      ...{ name: "s", path: join(top, "share/.snapshot/s") },
    });
    const odd = "auto_03:00:01 *";
    folder(`share/.snapshot/${odd}`);
    expect(await open("share").named(odd)).toMatchObject({ name: odd });
    for (const name of ["..", ".", "", "../other", "s/inner", "s/..", "*", "..\\other"])
      expect(await open("share").named(name)).toBeUndefined();
  });
});

describe("a folder of snapshots", () => {
  it("is known by its name and its inside", async () => {
    for (const path of [
      ...["n/.snapshot", "n/~snapshot", "n/.zfs/snapshot", "n/.snapshots/7/snapshot"],
      ...["o/.zfs/shares", "o/.snapshots/release", "o/snapshot", "o/.Snapshot", "o/zfs/snapshot"],
    ])
      folder(path);
    const holds = (path: string) => holdsSnapshots(join(top, path), path.slice(2));
    for (const name of [".snapshot", "~snapshot", ".zfs", ".snapshots"])
      expect([name, await holds(`n/${name}`)]).toEqual([name, true]);
    for (const name of [".zfs", ".snapshots", "snapshot", ".Snapshot", "zfs"])
      expect([name, await holds(`o/${name}`)]).toEqual([name, false]);
  });
});
