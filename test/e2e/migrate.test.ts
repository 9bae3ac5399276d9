/** A share with everything ugly in it, migrated by the command, and the result compared by code that shares nothing with it. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { requireCode } from "./support/command.ts";
import { gone } from "./support/processes.ts";
import { type RecordedItem, readRecord } from "./support/record.ts";
import {
  COLUMNS,
  countBy,
  fileOf,
  pathOf,
  type ReportName,
  type Reports,
  type Row,
  readReports,
} from "./support/reports.ts";
import { differences, type Found, walk } from "./support/tree.ts";
import { makeUglyTree, type UglyTree } from "./support/ugly-tree.ts";
import {
  type Migrated,
  makeWorkspace,
  migrate,
  ordinaryUser,
  removeWorkspace,
  type Workspace,
} from "./support/workspace.ts";

const REPORTS = Object.keys(COLUMNS) as ReportName[];
const LEGACY_CODES: Record<string, string> = {
  SOURCE_ACCESS_DENIED: "0x01110003",
  NAME_INVALID_CHARACTERS: "0x01110010",
  NAME_RESERVED: "0x01110010",
  NAME_LEADING_OR_TRAILING_SPACE: "0x01110010",
  NAME_TRAILING_PERIOD: "0x01110010",
  NAME_NOT_UNICODE: "0x01110010",
  NAME_CASE_COLLISION: "0x01110010",
  PATH_TOO_LONG: "0x0111000B",
  PARENT_NOT_MIGRATED: "0x0111000F",
  IMPORT_ITEM_FAILED: "0x01710009",
};

let workspace: Workspace;
let ugly: UglyTree;
let run: Migrated;
/** What was in the source before the run, by path, as far as the command may see it. */
let source: Map<string, Found>;
let library: Map<string, Found>;
let record: Map<string, RecordedItem>;
let reports: Reports;
let items: Row[];
let rows: Map<string, Row>;

beforeAll(async () => {
  workspace = makeWorkspace();
  ugly = await makeUglyTree(workspace.source, "/sites/library-12345678/Shared Documents");
  source = walk(workspace.source, (path) => !ugly.unreadable.has(path));
  // As root, the workspace is given away here; whatever is locked has to be locked after that.
  const user = ordinaryUser(workspace);
  ugly.lock();
  run = await migrate(workspace, { user });
  requireCode(run, 2);
  library = walk(workspace.library);
  record = readRecord(workspace.data);
  reports = readReports(run.json.reports, 0);
  items = reports.rows("ItemReport");
  rows = new Map(items.map((row) => [pathOf(row, workspace.source), row]));
}, 300_000);

afterAll(async () => {
  ugly?.dispose();
  if (workspace) await removeWorkspace(workspace);
});

const expectedStatus = (path: string) => ugly.expected.get(path)?.status ?? "Migrated";
const having = (status: string) =>
  [...source.values()].filter(({ path }) => expectedStatus(path) === status);

describe("what arrives", () => {
  it("is every item that can arrive: same bytes, same kind, same modified time; and nothing else", () => {
    expect(differences(having("Migrated"), library)).toEqual({});
  });

  it("is on record with its created and modified times and under one identity", () => {
    const migrated = having("Migrated");
    const onRecord = migrated.map(({ path }) => {
      const { kind, size, created, modified, state } = record.get(path) ?? {};
      return { path, kind, size, created, modified, state };
    });
    expect(onRecord).toEqual(
      migrated.map(({ path, kind, size, created, modified }) => ({
        path,
        kind,
        size,
        created: iso(created),
        modified: iso(modified),
        state: "present",
      })),
    );
    expect(record.size).toBe(migrated.length);
    const list = [...record.values()];
    expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
    expect(new Set(list.map(({ intId }) => intId)).size).toBe(list.length);
    // Folders come with every package that has something below them.
    expect(list.filter(({ kind, imports }) => kind === "file" && imports !== 1)).toEqual([]);
  });
});

describe("the reports", () => {
  it.each(REPORTS)("%s has the familiar columns", (name) => {
    expect(reports.columns(name)).toEqual(COLUMNS[name]);
  });

  it("are these files and no others", () => {
    const assessment = ["Assessment_R0.csv", "Assessment_R0.json", "LongPaths_R0.csv"];
    const files = [...REPORTS.map((name) => fileOf(name, 0)), ...assessment];
    expect(reports.files).toEqual(files.sort());
  });

  it("name every item of the walk once, with what became of it", () => {
    expect(items.length).toBe(source.size);
    const told = Object.fromEntries([...rows].map(([path, row]) => [path, outcome(row)]));
    const expected = [...source.keys()].map((path): [string, string] => {
      const { status, code } = ugly.expected.get(path) ?? { status: "Migrated", code: "" };
      return [path, `${status} ${code}`];
    });
    expect(told).toEqual(Object.fromEntries(expected));
    // The other way round: everything that was meant to go wrong is there.
    expect([...ugly.expected.keys()].filter((path) => !source.has(path))).toEqual([]);
  });

  it("say of every item what it is and where it went", () => {
    const wrong = items.filter((row) => {
      const path = pathOf(row, workspace.source);
      const found = source.get(path) as Found;
      // Where names can be read and nothing else, nobody knows what they name.
      const unknown = path.startsWith("Locked/names only/");
      const kind =
        unknown || found.kind === "link" || found.kind === "special" ? "Other" : found.kind;
      return !(
        row["Content type"]?.toLowerCase() === kind.toLowerCase() &&
        row["File size"] === String(unknown ? 0 : found.size) &&
        row["Source item ID"] === neutralised(path) &&
        row["File name"] === neutralised(path.slice(path.lastIndexOf("/") + 1)) &&
        row.Destination?.endsWith(`/Shared Documents/${path}`) &&
        row["Incremental round"] === "R0" &&
        row["Task ID"] === run.json.task.id &&
        /^\d+$/.test(row["Package number"] ?? "")
      );
    });
    expect(wrong).toEqual([]);
  });

  it("give what arrived its identity, its import job and its agent", () => {
    const wrong = items.filter((row) => {
      if (row.Status !== "Migrated") return row["Destination item ID"] !== "";
      const { id } = record.get(pathOf(row, workspace.source)) ?? {};
      return !(
        row["Destination item ID"]?.toLowerCase() === id?.toLowerCase() &&
        /^[0-9a-f-]{36}$/.test(row["Migration job ID"] ?? "") &&
        row["Device name"] === "agent-1"
      );
    });
    expect(wrong).toEqual([]);
  });

  it("repeat exactly the failed ones in the failure report, with code, reason and remedy", () => {
    const failures = reports.rows("ItemFailureReport");
    expect(failures.map((row) => pathOf(row, workspace.source))).toEqual(
      items.filter((row) => row.Status === "Failed").map((row) => pathOf(row, workspace.source)),
    );
    const wrong = failures.filter((row) => {
      const { code = "" } = ugly.expected.get(pathOf(row, workspace.source)) ?? {};
      const [, seenCode, seen, remedy] = /^([A-Z_]+): (.+) \| (.+)$/s.exec(row.Message ?? "") ?? [];
      return !(seenCode === code && seen && remedy && row["Error code"] === LEGACY_CODES[code]);
    });
    expect(wrong).toEqual([]);
  });

  it("hold no cell that a spreadsheet would take for a formula", () => {
    const dangerous = REPORTS.flatMap((name) =>
      reports
        .rows(name)
        .flatMap((row) => Object.values(row).filter((cell) => /^[=+\-@\t\r]/.test(cell))),
    );
    expect(dangerous).toEqual([]);
  });

  it("add up, in items and in bytes", () => {
    const { Migrated = 0, Skipped = 0, Failed = 0, ...others } = countBy(items, "Status");
    expect(others).toEqual({});
    const bytesOf = (status?: string) =>
      items
        .filter((row) => status === undefined || row.Status === status)
        .reduce((sum, row) => sum + Number(row["File size"]), 0);
    const total = { items: items.length, bytes: bytesOf() };
    const folders = items.filter((row) => row["Content type"] === "Folder");
    const files = items.filter((row) => row["Content type"] === "File");

    const { scanned, migrated, skipped, failed } = run.json;
    expect(scanned).toEqual({ ...total, files: files.length, folders: folders.length });
    expect(migrated).toEqual({ items: Migrated, bytes: bytesOf("Migrated") });
    expect(skipped).toEqual({ items: Skipped, bytes: bytesOf("Skipped") });
    expect(failed).toEqual({ items: Failed, bytes: bytesOf("Failed") });

    const summary = figuresOf("ItemSummary");
    expect(summary.sum("Scanned")).toBe(total.items);
    expect(summary.sum("Migrated")).toBe(Migrated);
    expect(summary.sum("Filtered out items")).toBe(Skipped);
    const failures = ["Item scan failures", "Failed packing", "Failed reading", "Failed uploading"];
    failures.push("Failed submitting", "Failed querying");
    expect(summary.sum(...failures)).toBe(Failed);
    const packaged = summary.sum("Packaged");
    expect(packaged).toBe(
      total.items - Skipped - summary.sum("Item scan failures", "Failed packing"),
    );
    expect(summary.sum("Read")).toBe(packaged - summary.sum("Failed reading"));
    expect(summary.sum("Uploaded")).toBe(summary.sum("Read") - summary.sum("Failed uploading"));
    expect(summary.sum("Submitted")).toBe(
      summary.sum("Uploaded") - summary.sum("Failed submitting"),
    );
    expect(summary.sum("ReUploaded", "ReSubmitted")).toBe(0);

    const scan = figuresOf("ScanSummary");
    expect(scan.sum("Total scanned items")).toBe(total.items);
    expect(scan.sum("Total scanned folders")).toBe(folders.length);
    expect(scan.sum("Total scanned files")).toBe(files.length);
    expect(scan.sum("Items filtered out")).toBe(Skipped);
    expect(scan.sum("Folders with issues")).toBe(
      folders.filter((row) => row.Status === "Failed").length,
    );
    expect(scan.sum("Folders with issues", "Items with issues")).toBe(Failed);
    expect(scan.sum("Total items to be migrated")).toBe(
      scan.sum("Folders to be migrated", "Items to be migrated"),
    );
    expect(summary.sum("Expected migrated file count")).toBe(scan.sum("Items to be migrated"));

    const aggregate = figuresOf("Aggregate Summary Report");
    expect(aggregate.sum("Total scanned items")).toBe(total.items);
    expect(aggregate.sum("Total to be migrated items")).toBe(total.items - Skipped);
    expect(aggregate.sum("Migrated items")).toBe(Migrated);
    expect(aggregate.sum("Items not migrated")).toBe(Failed);
    expect(aggregate.sum("Total bytes")).toBe(total.bytes);
    expect(aggregate.sum("Migrated bytes")).toBe(bytesOf("Migrated"));
    expect(aggregate.sum("Total GB")).toBeCloseTo(total.bytes / 1024 ** 3, 2);
  });

  it("name the task, its places and its agent in the aggregate report", () => {
    expect(reports.rows("Aggregate Summary Report")[0]).toMatchObject({
      "Task name": "source",
      Status: "CompletedWithErrors",
      Source: workspace.source,
      Destination: expect.stringMatching(/^http:.*\/sites\/library-[0-9a-f]{8}\/Shared Documents$/),
      Agent: "agent-1",
      TaskID: run.json.task.id,
      "Task failure reason": "",
      "Agent group": "default",
    });
  });
});

describe("the command", () => {
  it("says what failed and where the reports are, with exit code 2", () => {
    expect(run.json).toMatchObject({
      status: "CompletedWithErrors",
      exitCode: 2,
      round: 0,
      source: workspace.source,
      library: workspace.library,
    });
    expect(run.json.failures.length).toBeGreaterThan(0);
    for (const failure of run.json.failures) {
      expect(failure.remedy).not.toBe("");
      expect(ugly.expected.get(failure.path)?.code).toBe(failure.code);
    }
    expect(run.stderr).toContain("The migration finished; ");
    expect(run.stderr).toContain(run.json.reports);
  });

  it("used several packages and leaves no process behind", async () => {
    expect(new Set(items.map((row) => row["Migration job ID"])).size).toBeGreaterThan(6);
    expect(await gone(workspace.root, 0)).toEqual([]);
  });
});

const iso = (seconds: number) => expect.stringMatching(isoPattern(seconds));
const isoPattern = (seconds: number) =>
  new RegExp(`^${new Date(seconds * 1000).toISOString().slice(0, 19)}(\\.000)?Z$`);

function outcome(row: Row): string {
  const [, code = ""] = /^([A-Z_]+): /.exec(row.Message ?? "") ?? [];
  return `${row.Status} ${code}`;
}

/** An apostrophe makes a spreadsheet take a cell as text. */
const neutralised = (text: string) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

function figuresOf(name: ReportName) {
  const figures = reports.figures(name);
  return {
    sum: (...columns: string[]) =>
      columns.reduce((sum, column) => {
        const figure = figures[column];
        if (figure === undefined) throw new Error(`${name} has no figure "${column}"`);
        return sum + figure;
      }, 0),
  };
}
