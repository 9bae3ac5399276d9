import { existsSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { SettingsLayer } from "../../shared/contracts/settingLevels.ts";
import type { TestTask } from "../../test/support/testTask.ts";
import { wholeRounds } from "../../test/support/wholeRounds.ts";
import { NO_DESTINATION } from "../domain/rounds/nominalTarget.ts";
import { SCANS } from "../domain/settings.ts";
import { pageScans, requireScan, viewScan } from "../operations/tasks/scans.ts";
import { readAssessment } from "../stores/rounds/assessments.ts";

/* Settings in whole rounds: what they leave out, rename, find at the destination, or only scan. */

const { app, newTask } = wholeRounds();

/** What became of each item: "migrated", or the code of its issue. */
async function results(task: TestTask, number = 0): Promise<Record<string, string>> {
  const outcomes = [...(await task.outcomes(number)).values()];
  return Object.fromEntries(
    outcomes.map(({ path, result, issue }) => [path, issue?.code ?? result]),
  );
}

describe("filters", () => {
  it("leave items out with a code each, and the next round may take them", async () => {
    const task = await newTask();
    task.share.put({ "a.txt": "a", "b.TMP": "b", ".x/y": "y", "old/c": "c", "sub/~d": "d" });
    task.share.put({ "new.txt": "new" }, new Date("2025-06-01T00:00:00Z"));
    const filters: SettingsLayer = {
      ...{ excludeExtensions: "tmp:bak", migrateHidden: false, excludeFolders: ["OLD"] },
      ...{ excludeNames: ["~*"], modifiedBefore: "2025-01-01" },
    };
    expect(await task.run(filters)).toBe("Completed");
    expect(await results(task)).toEqual({
      ".x": "FILTERED_HIDDEN",
      ".x/y": "FILTERED_HIDDEN",
      "a.txt": "migrated",
      "b.TMP": "FILTERED_EXTENSION",
      "new.txt": "FILTERED_MODIFIED",
      old: "FILTERED_FOLDER",
      "old/c": "FILTERED_FOLDER",
      sub: "migrated",
      "sub/~d": "FILTERED_NAME",
    });
    expect(task.library.files()).toEqual({ "a.txt": "a" });
    await task.run();
    expect(Object.keys(task.library.files())).toHaveLength(6);
    expect((await results(task, 1))["a.txt"]).toBe("UNCHANGED");
  });
});

describe("invalid characters", () => {
  it("are replaced, also in folders; later rounds find what they brought", async () => {
    const task = await newTask();
    task.share.put({ "a:b/c?.txt": "c", "a:b/d ": "d", a_b2: "2", "a:b2": "lost" });
    const state = await task.run({ invalidCharacters: "replace" });
    expect(state).toBe("CompletedWithErrors");
    expect(task.library.files()).toEqual({ "a_b/c_.txt": "c", "a_b/d_": "d", a_b2: "2" });
    expect((await results(task))["a:b2"]).toBe("NAME_COLLISION");

    task.share.put({ "a:b/c?.txt": "newer", "a:b/e?": "e" }, new Date("2024-04-01T00:00:00Z"));
    await task.run({ invalidCharacters: "replace", replacementCharacter: "-" });
    // What has arrived keeps its name; what is new gets the one of today.
    expect(task.library.files()).toMatchObject({ "a_b/c_.txt": "newer", "a_b/e-": "e" });
    expect((await results(task, 1))["a:b/d "]).toBe("UNCHANGED");
  });

  it("are tried, and SharePoint decides about each item", async () => {
    const task = await newTask();
    task.share.put({ "a:b": "x", "fine.txt": "fine" });
    expect(await task.run({ invalidCharacters: "try" })).toBe("CompletedWithErrors");
    expect(await results(task)).toEqual({ "a:b": "IMPORT_ITEM_FAILED", "fine.txt": "migrated" });
  });
});

describe("where things go", () => {
  it("the root folder comes along when it is wanted", async () => {
    const task = await newTask();
    task.share.put({ "a/b": "b" });
    await task.run({ includeRootFolder: true });
    expect(task.library.files()).toEqual({ [`${basename(task.share.path)}/a/b`]: "b" });
  });
});

describe("what is at the destination already", () => {
  it("folders of others are used, and files in them are not overwritten by older ones", async () => {
    const task = await newTask();
    task.library.put({ "Docs/theirs.txt": "theirs", "Docs/both.txt": "their version" });
    task.share.put({ "docs/ours.txt": "ours", "docs/sub/deep": "deep" });
    task.share.put({ "docs/both.txt": "our version" }, new Date("2020-01-01T00:00:00Z"));
    expect(await task.run()).toBe("Completed");
    expect(await results(task)).toMatchObject({
      docs: "EXISTS_AT_DESTINATION",
      "docs/both.txt": "EXISTS_AT_DESTINATION",
      "docs/ours.txt": "migrated",
    });
    expect(task.library.files()).toEqual({
      "Docs/theirs.txt": "theirs",
      "Docs/both.txt": "their version",
      "Docs/ours.txt": "ours",
      "Docs/sub/deep": "deep",
    });
    task.share.put({ "docs/later.txt": "later" });
    expect(await task.run()).toBe("Completed");
    expect(task.library.files()["Docs/later.txt"]).toBe("later");
    expect((await results(task, 1)).docs).toBe("UNCHANGED");
  });

  it("older files of others are overwritten by newer ones", async () => {
    const task = await newTask();
    task.library.put({ "a.txt": "theirs" }, new Date("2020-01-01T00:00:00Z"));
    task.share.put({ "a.txt": "ours" });
    expect(await task.run()).toBe("Completed");
    expect(task.library.files()).toEqual({ "a.txt": "ours" });
    // From then on it is an item like any other.
    await task.run();
    expect(await results(task, 1)).toEqual({ "a.txt": "UNCHANGED" });
  });

  it("is known to a new task when the one before it brought it", async () => {
    const task = await newTask();
    task.share.put({ "a/b/c.txt": "c", "d.txt": "d" });
    await task.run();
    const next = await newTask({ like: task, files: { "a/new.txt": "new" } });
    expect(await next.run()).toBe("Completed");
    expect(await results(next)).toMatchObject({
      ...{ "a/b/c.txt": "EXISTS_AT_DESTINATION", "d.txt": "EXISTS_AT_DESTINATION" },
      "a/new.txt": "migrated",
    });
    await next.run();
    expect(new Set(Object.values(await results(next, 1)))).toEqual(new Set(["UNCHANGED"]));
  });

  it("files of others stay, or count as failures, when that is wanted", async () => {
    const task = await newTask();
    task.library.put({ "a.txt": "theirs" }, new Date("2020-01-01T00:00:00Z"));
    task.share.put({ "a.txt": "ours" });
    expect(await task.run({ onConflict: "skip" })).toBe("Completed");
    expect(await task.run({ onConflict: "fail" })).toBe("CompletedWithErrors");
    expect(await results(task, 1)).toEqual({ "a.txt": "EXISTS_AT_DESTINATION" });
    expect(task.library.files()).toEqual({ "a.txt": "theirs" });
  });
});

describe("scanning only", () => {
  it("says what would happen, brings nothing, and the next round migrates as if it had not been", async () => {
    const task = await newTask();
    task.share.put({ "a/b.txt": "b", "a/c:": "c", [`a/${"n".repeat(250)}`]: "long" });
    expect(await task.run({ scanOnly: true })).toBe("CompletedWithErrors");
    expect(Object.values(await results(task)).sort()).toEqual([
      "NAME_INVALID_CHARACTERS",
      ...Array(3).fill("SCAN_ONLY"),
    ]);
    expect(existsSync(task.library.path)).toBe(false);
    expect(await task.record()).not.toHaveProperty("ledgerRound");
    expect(await readAssessment(app.state.reports, { taskId: task.id, round: 0 })).toMatchObject({
      ...{ readiness: "Warning", files: 3, folders: 1, bytes: 6 },
      toMigrate: { items: 3, bytes: 5 },
      keptBack: { items: 1, bytes: 1 },
      issues: [
        { code: "NAME_INVALID_CHARACTERS", items: 1, examples: ["a/c:"], keepsBack: true },
        { code: "LONG_LOCAL_PATH", items: 1, keepsBack: false },
      ],
    });
    await task.run();
    expect(Object.keys(task.library.files())).toHaveLength(2);
  });
});

describe("a scan of its own", () => {
  const newScan = (files: Record<string, string> = {}) => {
    const session = { id: `${SCANS}-scan${++scans}`, sessionId: SCANS };
    return newTask({ ...session, files, destination: NO_DESTINATION });
  };
  const scanned = async (task: TestTask, settings: SettingsLayer = {}) => {
    await task.run(settings);
    return viewScan(app, await requireScan(app, task.id));
  };
  let scans = 0;

  it("needs no destination, and says how ready the source is", async () => {
    const task = await newScan({ "A.txt": "1", "a.txt": "22", "ok/b.pdf": "333", "x.tmp": "4444" });
    const found = await scanned(task, {
      nominalDestination: "/sites/x/Docs",
      excludeExtensions: "TMP",
    });
    expect(found).not.toHaveProperty("destination");
    expect(found).toMatchObject({
      ...{ state: "CompletedWithErrors", readiness: "Warning" },
      effective: { scanOnly: { value: true } },
      assessment: {
        ...{ files: 4, folders: 1, bytes: 10, sizeClass: "Under 1 GB", countClass: "Under 10" },
        ...{ toMigrate: { items: 3 }, leftOut: { items: 1, bytes: 4 }, keptBack: { items: 1 } },
        longestPath: { length: "/sites/x/Docs/ok/b.pdf".length, path: "ok/b.pdf" },
        issues: [{ code: "NAME_CASE_COLLISION", items: 1, examples: ["a.txt"] }],
      },
    });
    expect(found.assessment?.largestFiles[0]).toEqual({ path: "x.tmp", bytes: 4 });
    const { scans } = await pageScans(app, { sort: "-created", limit: 10 });
    expect(scans.find(({ id }) => id === found.id)).toMatchObject({
      ...{ readiness: "Warning", files: 4, folders: 1, bytes: 10, keptBack: 1 },
    });
  });

  it("of a folder that does not exist is an error", async () => {
    const task = await newScan();
    await task.change({ source: task.share.at("gone") });
    expect(await scanned(task)).toMatchObject({
      ...{ state: "Failed", readiness: "Error", failure: { code: "SOURCE_NOT_FOUND" } },
    });
  });

  it("warns of paths that will not sync, and lists all of them", async () => {
    const long = `${"d".repeat(100)}/${"e".repeat(100)}`;
    const task = await newScan({
      [`${long}/f.txt`]: "f",
      [`${long}/${"g".repeat(60)}`]: "g",
      short: "s",
    });
    const { assessment } = await scanned(task, { syncRoot: "C:\\Users\\a\\Contoso\\Site - Docs" });
    expect(assessment).toMatchObject({
      readiness: "Warning",
      issues: [{ code: "LONG_LOCAL_PATH", items: 1, keepsBack: false }],
    });
    // A header, one line and its end.
    expect(await task.report("LongPaths_R0.csv")).toHaveLength(3);
  });
});
