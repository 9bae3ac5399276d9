import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { SettingsLayer } from "../../shared/contracts/settings.ts";
import { filesBelow } from "../../test/support/library.ts";
import { type Machine, startMachine } from "../../test/support/machine.ts";
import { outcomesOf } from "../../test/support/outcomes.ts";
import { task } from "../../test/support/records.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "../../test/support/services.ts";
import { NO_DESTINATION } from "../domain/nominalTarget.ts";
import { SCANS } from "../domain/settings.ts";
import { pageScans, requireScan, viewScan } from "../operations/tasks/scans.ts";
import { readAssessment } from "../stores/assessments.ts";

/* Settings in whole rounds: what they leave out, rename, find at the destination, or only scan. */

let around: Surroundings;
let app: TestServices;
let machine: Machine;
let source: string;
let folder: string;
let taskId: string;
let tests = 0;

beforeAll(async () => {
  around = await startSurroundings();
  app = await buildServices(around);
});
afterAll(async () => {
  await app.close();
  await around.stop();
});
beforeEach(() => {
  source = mkdtempSync(join(tmpdir(), "share-"));
  folder = `settings ${++tests}`;
  taskId = `sess0000-set${tests}`;
  machine = startMachine(app);
});
afterEach(async () => {
  await machine.stop();
  rmSync(source, { recursive: true });
});

const THEN = new Date("2024-03-01T12:00:00Z");

function write(root: string, files: Record<string, string>, time = THEN): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    utimesSync(join(root, path), time, time);
  }
}
const library = () => join(around.library, folder);
/** Somebody else's files, in the task's folder before it comes. */
const somebodyPuts = (files: Record<string, string>, time?: Date) => write(library(), files, time);

/** Every file below the task's folder with its content. */
const arrived = () => (existsSync(library()) ? filesBelow(library()) : {});

async function run(settings: SettingsLayer = {}): Promise<string> {
  const own = { packageItems: 4, parallelPackages: 2, ...settings };
  const destination = { siteUrl: around.siteUrl, library: "Documents", folder };
  const made = task({ id: taskId, source, destination, settings: own });
  if (!(await app.tasks.insert(made)))
    await app.tasks.update(taskId, (value) => ({ ...value, settings: own }));
  await machine.boot().start(taskId);
  return (await app.tasks.find(taskId))?.state ?? "";
}

/** What became of each item: "migrated", or the code of its issue. */
async function outcomes(number = 0): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const outcome of await wholeOutcomes(number))
    found[outcome.path] = outcome.issue?.code ?? outcome.result;
  return found;
}
const wholeOutcomes = (number = 0) => outcomesOf(app, taskId, number);

describe("filters", () => {
  it("leave items out with a code each, and the next round may take them", async () => {
    write(source, { "a.txt": "a", "b.TMP": "b", ".x/y": "y", "old/c": "c", "sub/~d": "d" });
    write(source, { "new.txt": "new" }, new Date("2025-06-01T00:00:00Z"));
    const filters: SettingsLayer = {
      ...{ excludeExtensions: "tmp:bak", migrateHidden: false, excludeFolders: ["OLD"] },
      ...{ excludeNames: ["~*"], modifiedBefore: "2025-01-01" },
    };
    expect(await run(filters)).toBe("Completed");
    expect(await outcomes()).toEqual({
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
    expect(arrived()).toEqual({ "a.txt": "a" });
    await run();
    expect(Object.keys(arrived())).toHaveLength(6);
    expect((await outcomes(1))["a.txt"]).toBe("UNCHANGED");
  });
});

describe("invalid characters", () => {
  it("are replaced, also in folders; later rounds find what they brought", async () => {
    write(source, { "a:b/c?.txt": "c", "a:b/d ": "d", a_b2: "2", "a:b2": "lost" });
    const state = await run({ invalidCharacters: "replace" });
    expect(state).toBe("CompletedWithErrors");
    expect(arrived()).toEqual({ "a_b/c_.txt": "c", "a_b/d_": "d", a_b2: "2" });
    expect((await outcomes())["a:b2"]).toBe("NAME_COLLISION");

    write(source, { "a:b/c?.txt": "newer", "a:b/e?": "e" }, new Date("2024-04-01T00:00:00Z"));
    await run({ invalidCharacters: "replace", replacementCharacter: "-" });
    // What has arrived keeps its name; what is new gets the one of today.
    expect(arrived()).toMatchObject({ "a_b/c_.txt": "newer", "a_b/e-": "e" });
    expect((await outcomes(1))["a:b/d "]).toBe("UNCHANGED");
  });

  it("are tried, and SharePoint decides about each item", async () => {
    write(source, { "a:b": "x", "fine.txt": "fine" });
    expect(await run({ invalidCharacters: "try" })).toBe("CompletedWithErrors");
    expect(await outcomes()).toEqual({ "a:b": "IMPORT_ITEM_FAILED", "fine.txt": "migrated" });
  });
});

describe("where things go", () => {
  it("the root folder comes along when it is wanted", async () => {
    write(source, { "a/b": "b" });
    await run({ includeRootFolder: true });
    expect(arrived()).toEqual({ [`${basename(source)}/a/b`]: "b" });
  });
});

describe("what is at the destination already", () => {
  it("folders of others are used, and files in them are not overwritten by older ones", async () => {
    somebodyPuts({ "Docs/theirs.txt": "theirs", "Docs/both.txt": "their version" });
    write(source, { "docs/ours.txt": "ours", "docs/sub/deep": "deep" });
    write(source, { "docs/both.txt": "our version" }, new Date("2020-01-01T00:00:00Z"));
    expect(await run()).toBe("Completed");
    expect(await outcomes()).toMatchObject({
      docs: "EXISTS_AT_DESTINATION",
      "docs/both.txt": "EXISTS_AT_DESTINATION",
      "docs/ours.txt": "migrated",
    });
    expect(arrived()).toEqual({
      "Docs/theirs.txt": "theirs",
      "Docs/both.txt": "their version",
      "Docs/ours.txt": "ours",
      "Docs/sub/deep": "deep",
    });
    write(source, { "docs/later.txt": "later" });
    expect(await run()).toBe("Completed");
    expect(arrived()["Docs/later.txt"]).toBe("later");
    expect((await outcomes(1)).docs).toBe("UNCHANGED");
  });

  it("older files of others are overwritten by newer ones", async () => {
    somebodyPuts({ "a.txt": "theirs" }, new Date("2020-01-01T00:00:00Z"));
    write(source, { "a.txt": "ours" });
    expect(await run()).toBe("Completed");
    expect(arrived()).toEqual({ "a.txt": "ours" });
    // From then on it is an item like any other.
    await run();
    expect(await outcomes(1)).toEqual({ "a.txt": "UNCHANGED" });
  });

  it("is known to a new task when the one before it brought it", async () => {
    write(source, { "a/b/c.txt": "c", "d.txt": "d" });
    await run();
    taskId = `${taskId}b`;
    write(source, { "a/new.txt": "new" });
    expect(await run()).toBe("Completed");
    expect(await outcomes()).toMatchObject({
      ...{ "a/b/c.txt": "EXISTS_AT_DESTINATION", "d.txt": "EXISTS_AT_DESTINATION" },
      "a/new.txt": "migrated",
    });
    await run();
    expect(new Set(Object.values(await outcomes(1)))).toEqual(new Set(["UNCHANGED"]));
  });

  it("files of others stay, or count as failures, when that is wanted", async () => {
    somebodyPuts({ "a.txt": "theirs" }, new Date("2020-01-01T00:00:00Z"));
    write(source, { "a.txt": "ours" });
    expect(await run({ onConflict: "skip" })).toBe("Completed");
    expect(await run({ onConflict: "fail" })).toBe("CompletedWithErrors");
    expect(await outcomes(1)).toEqual({ "a.txt": "EXISTS_AT_DESTINATION" });
    expect(arrived()).toEqual({ "a.txt": "theirs" });
  });
});

describe("scanning only", () => {
  it("says what would happen, brings nothing, and the next round migrates as if it had not been", async () => {
    write(source, { "a/b.txt": "b", "a/c:": "c", [`a/${"n".repeat(250)}`]: "long" });
    expect(await run({ scanOnly: true })).toBe("CompletedWithErrors");
    expect(Object.values(await outcomes()).sort()).toEqual([
      "NAME_INVALID_CHARACTERS",
      ...Array(3).fill("SCAN_ONLY"),
    ]);
    expect(existsSync(library())).toBe(false);
    expect(await app.tasks.find(taskId)).not.toHaveProperty("ledgerRound");
    expect(await readAssessment(app.state.reports, { taskId, round: 0 })).toMatchObject({
      ...{ readiness: "Warning", files: 3, folders: 1, bytes: 6 },
      toMigrate: { items: 3, bytes: 5 },
      keptBack: { items: 1, bytes: 1 },
      issues: [
        { code: "NAME_INVALID_CHARACTERS", items: 1, examples: ["a/c:"], keepsBack: true },
        { code: "LONG_LOCAL_PATH", items: 1, keepsBack: false },
      ],
    });
    await run();
    expect(Object.keys(arrived())).toHaveLength(2);
  });
});

describe("a scan of its own", () => {
  const scan = async (settings: SettingsLayer = {}) => {
    const id = `${SCANS}-scan${tests}`;
    const own = { packageItems: 4, ...settings };
    await app.tasks.insert(
      task({ id, sessionId: SCANS, source, destination: NO_DESTINATION, settings: own }),
    );
    await machine.boot().start(id);
    return viewScan(app, await requireScan(app, id));
  };

  it("needs no destination, and says how ready the source is", async () => {
    write(source, { "A.txt": "1", "a.txt": "22", "ok/b.pdf": "333", "x.tmp": "4444" });
    const found = await scan({ nominalDestination: "/sites/x/Docs", excludeExtensions: "TMP" });
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
    source = join(source, "gone");
    expect(await scan()).toMatchObject({
      ...{ state: "Failed", readiness: "Error", failure: { code: "SOURCE_NOT_FOUND" } },
    });
    source = dirname(source);
  });

  it("warns of paths that will not sync, and lists all of them", async () => {
    const long = `${"d".repeat(100)}/${"e".repeat(100)}`;
    write(source, { [`${long}/f.txt`]: "f", [`${long}/${"g".repeat(60)}`]: "g", short: "s" });
    const { id, assessment } = await scan({ syncRoot: "C:\\Users\\a\\Contoso\\Site - Docs" });
    expect(assessment).toMatchObject({
      readiness: "Warning",
      issues: [{ code: "LONG_LOCAL_PATH", items: 1, keepsBack: false }],
    });
    const blob = app.state.reports.getBlobClient(`${id}/R0/LongPaths_R0.csv`);
    expect((await blob.downloadToBuffer()).toString("utf8").trim().split("\r\n")).toHaveLength(2);
  });
});
