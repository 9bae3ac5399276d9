import { lstatSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { InventoryEntry } from "../../shared/contracts/inventory.ts";
import { inventoryEntrySchema } from "../../shared/contracts/inventory.ts";
import type { ScanSpec } from "../../shared/contracts/work.ts";
import { brief, entries, file, root, signal } from "../../test/support/walks.ts";
import { createLog } from "../log.ts";
import { findHistory } from "./history.ts";
import { walk } from "./walk.ts";

describe("snapshots of the source", () => {
  const past = (path: string, size: number, minutes: number) => {
    file(path, "x".repeat(size));
    const seconds = 1_700_000_000 + minutes * 60;
    utimesSync(join(root, path), seconds, seconds);
  };
  const history = (versions: ScanSpec["versions"] & object, folder = root) =>
    findHistory(versions, { root: folder, roots: [], log: createLog("silent") });

  it("are a row each, and not entered", async () => {
    for (const path of [
      ...[".snapshot/a/f", "b/~snapshot/a/f", "c/.zfs/snapshot/a/f", "c/.snapshots/1/snapshot/f"],
      ...["d/.snapshots/f", ".zfs/f", "#past/a/f"],
    ])
      file(path);
    const found = brief(await entries());
    expect(found).toEqual([
      ...["#past folder", "#past/a folder", "#past/a/f file"],
      ".snapshot folder SNAPSHOT_FOLDER",
      ...[".zfs folder", ".zfs/f file"],
      ...["b folder", "b/~snapshot folder SNAPSHOT_FOLDER"],
      ...["c folder", "c/.snapshots folder SNAPSHOT_FOLDER", "c/.zfs folder SNAPSHOT_FOLDER"],
      ...["d folder", "d/.snapshots folder", "d/.snapshots/f file"],
    ]);
    const asked: InventoryEntry[] = [];
    const { snapshotFolder } = await history({ keep: 1, folder: "#past/*" });
    for await (const { entry } of walk(root, { snapshotFolder, signal })) asked.push(entry);
    expect(brief(asked)).toEqual(["#past folder SNAPSHOT_FOLDER", ...found.slice(3)]);
  });

  it("have older versions of its files", async () => {
    const [old, young] = [".snapshot/daily.2026-01-01_0010", ".snapshot/daily.2026-01-02_0010"];
    past("a/b/changed", 9, 9);
    past(`${old}/a/b/changed`, 1, 1);
    past(`${young}/a/b/changed`, 2, 2);
    past("a/fresh", 1, 9);
    past("moved/here", 1, 1);
    past(`${old}/gone`, 5, 5);
    symlinkSync("a", join(root, "link"));
    past(`${young}/link/b/changed`, 7, 7);
    past("unfit/a", 1, 9);
    past("unfit/A", 2, 9);
    for (const name of ["a", "A"]) past(`${young}/unfit/${name}`, 3, 3);
    const found = async (keep: number, folder = root) => {
      const { past } = await history({ keep }, folder);
      const list: InventoryEntry[] = [];
      for await (const { entry } of walk(folder, { past, signal }))
        list.push(inventoryEntrySchema.parse(entry));
      return list;
    };
    const withVersions = (list: InventoryEntry[]) =>
      list.flatMap(({ path, versions = [] }) =>
        versions.length > 0 ? [[path, ...versions.map(({ size }) => size)]] : [],
      );
    expect(withVersions(await found(5))).toEqual([
      ["a/b/changed", 1, 2],
      ["unfit/A", 3],
    ]);
    expect(withVersions(await found(1))).toEqual([
      ["a/b/changed", 2],
      ["unfit/A", 3],
    ]);
    // The snapshots lie above the source.
    expect(withVersions(await found(5, join(root, "a")))).toEqual([["b/changed", 1, 2]]);
    // Nothing else is another walk than without them.
    const plain = (list: InventoryEntry[]) => list.map(({ versions: _, ...rest }) => rest);
    expect(plain(await found(5))).toEqual(await entries());
  });

  it("warn of what could not be looked into, once", async () => {
    for (const path of ["f", ".snapshot/s/f"]) file(path);
    const { past, warnings } = await history({ keep: 1 });
    const now = lstatSync(root);
    for (const name of ["one", "two"])
      expect(past?.folder(name, undefined, Object.assign(now, { dev: -1 }))).toBeUndefined();
    // Longer than any name may be.
    expect(await past?.versionsOf("n".repeat(300), now)).toEqual([]);
    expect(warnings()).toEqual([
      { code: "VERSION_NOT_READ", message: expect.stringMatching(/^1 looks.*ENAMETOOLONG/) },
      { code: "VERSION_NOT_READ", message: expect.stringMatching(/^2 folders.*first is .*\/one$/) },
    ]);
  });

  it("are looked for by a walk that asks, which says when there are none", async () => {
    file("a");
    const { past, warnings } = await history({ keep: 1, folder: ".kept/*" });
    expect(past).toBeUndefined();
    expect(warnings()).toEqual([
      { code: "NO_SNAPSHOTS", message: expect.stringContaining("no .kept/* folder of snapshots") },
    ]);
  });
});
