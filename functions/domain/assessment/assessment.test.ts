import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { settingsSchema } from "../../../shared/contracts/settings.ts";
import { NOON, round, target } from "../../../test/support/records.ts";
import type { RoundRecord } from "../records.ts";
import { AssessmentTally } from "./assessmentTally.ts";
import { ageClass, countClass, sizeClass } from "./classes.ts";
import { Largest } from "./largest.ts";
import { assessmentRows } from "./rows.ts";

const GB = 1024 ** 3;
const DAY = 24 * 3600_000;

const outcome = (path: string, more: Partial<Outcome> = {}): Outcome => ({
  ...{ path, kind: "file", size: 10, modified: NOON, created: NOON, package: 0 },
  ...{ result: "skipped", issue: { code: "SCAN_ONLY", message: "would be migrated" } },
  ...more,
});
const failed = (path: string, code: "NAME_RESERVED" | "PATH_TOO_LONG" = "NAME_RESERVED") =>
  outcome(path, { result: "failed", issue: { code, message: "no" } });
const assess = (outcomes: Outcome[], more: Partial<RoundRecord> = {}) => {
  const tally = new AssessmentTally(round({ target: target(), ...more }));
  for (const each of outcomes) tally.add(each);
  return tally.result();
};

describe("readiness", () => {
  const failure = { code: "SOURCE_NOT_FOUND" as const, message: "gone" };
  it.each([
    ["an empty source", [], {}, "Ready"],
    ["all fine", [outcome("a"), outcome("b")], {}, "Ready"],
    ["one item stays behind", [outcome("a"), failed("b")], {}, "Warning"],
    ["all items stay behind", [failed("a"), failed("b")], {}, "Error"],
    ["the scan failed", [outcome("a")], { failure }, "Error"],
    ["a path is long", [outcome("p".repeat(290))], {}, "Warning"],
    ["a folder of a saved web page", [outcome("x_files", { kind: "folder" })], {}, "Warning"],
    [
      "what filters leave out is no issue",
      [outcome("a", { issue: { code: "FILTERED_NAME", message: "x" } })],
      {},
      "Ready",
    ],
  ])("%s: %p", (_what, outcomes, more, readiness) => {
    expect(assess(outcomes as Outcome[], more).readiness).toBe(readiness);
  });
});

describe("an assessment", () => {
  it.each([
    [5_000, [], "Ready"],
    [5_001, ["MANY_UNIQUE_PERMISSIONS"], "Warning"],
    [50_001, ["TOO_MANY_UNIQUE_PERMISSIONS"], "Warning"],
  ])("of %d items with permissions of their own warns of %p", (count, codes, readiness) => {
    const tally = new AssessmentTally(round({ target: target() }));
    for (let item = 0; item < count; item++) tally.add(outcome("a"), true);
    const found = tally.result();
    expect(found.issues.map(({ code }) => code)).toEqual(codes);
    expect(found.readiness).toBe(readiness);
  });

  it("puts every item into one of four fates", () => {
    const found = assess([
      outcome("a"),
      outcome("b", { result: "migrated" }),
      outcome("c", {
        issue: { code: "UNCHANGED", message: "" },
        arrived: { modified: 1, size: 1, round: 0 },
      }),
      outcome("d", { issue: { code: "EXISTS_AT_DESTINATION", message: "" } }),
      outcome("e", { issue: { code: "FILTERED_HIDDEN", message: "" } }),
      outcome("f", { kind: "other", issue: { code: "SYMBOLIC_LINK", message: "" }, size: 0 }),
      failed("g"),
    ]);
    expect(found).toMatchObject({
      toMigrate: { items: 2, bytes: 20 },
      alreadyThere: { items: 2, bytes: 20 },
      leftOut: { items: 2, bytes: 10 },
      keptBack: { items: 1, bytes: 10 },
      ...{ files: 6, folders: 0, others: 1, bytes: 60 },
    });
  });

  it("counts issues, with a few examples, causes and remedies", () => {
    const found = assess([
      ...Array.from({ length: 9 }, (_, n) => failed(`f${n}`)),
      failed("long", "PATH_TOO_LONG"),
    ]);
    expect(found.issues.map(({ code, items }) => [code, items])).toEqual([
      ["NAME_RESERVED", 9],
      ["PATH_TOO_LONG", 1],
    ]);
    expect(found.issues[0]?.examples).toEqual(["f0", "f1", "f2", "f3", "f4"]);
    expect(found.issues[0]?.remedy).toContain("Rename");
  });

  it("measures paths as SharePoint does, and as they will be on a computer", () => {
    const at = target({ folders: [{ path: "Archive" }] });
    const settings = settingsSchema.parse({ syncRoot: "C:\\Sync" });
    const tally = new AssessmentTally(round({ target: at, settings }));
    const lengths = tally.add(outcome("a/b:c", { destinationPath: "a/b_c_longer" }));
    expect(lengths).toEqual({
      length: "/sites/finance/Shared Documents/Archive/a/b_c_longer".length,
      localLength: "C:\\Sync\\Archive\\a\\b_c_longer".length,
      isLong: false,
    });
    // 260 characters are still fine.
    const room = 260 - "C:\\Sync\\Archive\\".length;
    expect(tally.add(outcome("p".repeat(room))).isLong).toBe(false);
    expect(tally.add(outcome("p".repeat(room + 1))).isLong).toBe(true);
  });

  it("keeps its lists short however many files there are, and its sums right", () => {
    const outcomes = Array.from({ length: 6_000 }, (_, n) => outcome(`f.x${n}`, { size: n }));
    const found = assess(outcomes);
    expect(found.extensions).toHaveLength(100);
    expect(found.largestFiles).toHaveLength(20);
    expect(found.largestFiles[0]).toEqual({ path: "f.x5999", bytes: 5999 });
    const files = found.extensions.reduce((sum, each) => sum + each.files, 0);
    const bytes = found.extensions.reduce((sum, each) => sum + each.bytes, 0);
    expect(files + found.otherExtensions.files).toBe(6_000);
    expect(bytes + found.otherExtensions.bytes).toBe(found.bytes);
    expect(found.ages.reduce((sum, each) => sum + each.files, 0)).toBe(6_000);
    expect(JSON.stringify(found).length).toBeLessThan(50_000);
  });

  it("has all of it as a table", () => {
    const rows = assessmentRows(assess([outcome("a.txt"), failed("b")]));
    expect(rows.map((row) => row.Section)).toEqual(
      expect.arrayContaining(["Overview", "Issue", "Largest files", "Extensions", "Last changed"]),
    );
  });
});

describe("classes", () => {
  it.each([
    [countClass, 9, "Under 10"],
    [countClass, 10, "10-1K"],
    [countClass, 50_000, "More than 50K"],
    [sizeClass, GB - 1, "Under 1 GB"],
    [sizeClass, 1024 * GB, "More than 1 TB"],
    [ageClass, -DAY, "Under 1 month"],
    [ageClass, 400 * DAY, "1-2 years"],
    [ageClass, 9_000 * DAY, "More than 10 years"],
  ] as const)("%p of %p", (classOf, value, name) => {
    expect(classOf(value)).toBe(name);
  });
});

it("the largest of any list are the first of it when it is sorted", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.integer({ min: 1, max: 8 }), (numbers, size) => {
      const largest = new Largest<number>(size);
      for (const number of numbers) largest.add(number, number);
      expect(largest.values).toEqual([...numbers].sort((a, b) => b - a).slice(0, size));
    }),
  );
});
