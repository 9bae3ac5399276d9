import { describe, expect, it } from "@jest/globals";
import { createDiskGuard, DISK_FLOOR_BYTES } from "./disk-guard.ts";
import { amount, roundView } from "./test-support.ts";

const folders = { library: "/library", data: "/data" };
const scanned = { ...amount(10, 5_000_000_000), files: 10, folders: 0, issues: 0 };

describe("createDiskGuard", () => {
  it("warns once when the rest of the round will not fit", () => {
    const guard = createDiskGuard(folders, () => 3_000_000_000);
    expect(guard(undefined)).toBeUndefined();
    expect(guard(roundView({ scanned, scanFinished: false }))).toBeUndefined();
    const round = roundView({ scanned, imported: amount(1, 1_000_000_000) });
    expect(guard(round)).toMatch(/up to 4.00 GB are still to come and 2.50 GB are left/);
    expect(guard(round)).toBeUndefined();
  });

  it("is silent while there is room", () => {
    const guard = createDiskGuard(folders, () => 6_000_000_000);
    expect(guard(roundView({ scanned }))).toBeUndefined();
  });

  it("stops everything when a disk is full", () => {
    const free = (folder: string) => (folder === "/data" ? DISK_FLOOR_BYTES - 1 : 1e12);
    expect(() => createDiskGuard(folders, free)(undefined)).toThrow(/data folder \/data is full/);
  });
});
