import { describe, expect, it } from "@jest/globals";
import { settingsLayerSchema } from "./settingLevels.ts";
import { settingsSchema } from "./settings.ts";

const messageOf = (layer: object) =>
  settingsLayerSchema
    .safeParse(layer)
    .error?.issues.map(({ path, message }) => `${path}: ${message}`);

describe("versions", () => {
  it("are not brought unless somebody asks", () => {
    const { fileVersions, snapshotFolder } = settingsSchema.parse({});
    expect({ fileVersions, snapshotFolder }).toEqual({ fileVersions: 0, snapshotFolder: "" });
  });

  it.each([0, 1, 50])("may be %s", (fileVersions) => {
    expect(messageOf({ fileVersions })).toBeUndefined();
  });

  it.each([-1, 51, 1.5, "3", null])("may not be %j", (fileVersions) => {
    expect(messageOf({ fileVersions })?.join()).toMatch(/^fileVersions: /);
  });
});

describe("the folder of snapshots", () => {
  it.each([
    "",
    ".snapshot/*",
    "~snapshot/*",
    ".zfs/snapshot/*",
    ".snapshots/*/snapshot",
    "a folder/of ours/*/with/its data",
    "...dots/*",
    "été/*",
  ])("may be %j", (snapshotFolder) => {
    expect(messageOf({ snapshotFolder })).toBeUndefined();
  });

  it.each([
    ...["*", "*/data", ".snapshot", ".snapshot/", "/.snapshot/*", ".snapshot/*/", ".snapshot//*"],
    ...[".snapshot/*/*", ".snapshot/hourly*", ".snap*/hourly", "../.snapshot/*", "./.snapshot/*"],
    ...["a/../../*", "a/*/..", "C:/snapshots/*", "\\\\srv\\share\\~snapshot\\*", "~snapshot\\*"],
    ...["a\u0001/*", `${"a".repeat(255)}/*`],
  ])("may not be %j", (snapshotFolder) => {
    expect(messageOf({ snapshotFolder })?.join()).toMatch(/^snapshotFolder: /);
  });
});
