import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { ERRORS, type ErrorCode } from "../../../shared/contracts/errors.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { NOON, round, target, task } from "../../../test/support/records.ts";
import { aggregateRow, rowWithoutRound } from "./aggregateRow.ts";
import {
  AGGREGATE_COLUMNS,
  FAILURE_COLUMNS,
  FATAL_COLUMNS,
  ITEM_COLUMNS,
  SCAN_COLUMNS,
  SUMMARY_COLUMNS,
} from "./columns.ts";
import { failureRow, itemRow } from "./itemRows.ts";
import { roundRow } from "./roundRow.ts";
import { RoundTally } from "./roundTally.ts";

const context = {
  task: task(),
  round: round({ number: 3, target: target(), agents: ["a1", "a2"] }),
};
const outcome = (more: Partial<Outcome> = {}): Outcome => ({
  ...{ path: "a/b.tar.gz", kind: "file", size: 10, modified: NOON, created: NOON },
  ...{ package: 4, result: "migrated", id: "item-id", listItemId: "list-item-id" },
  ...{ job: "job-id", agent: "a1", ...more },
});
const failedWith = (code: ErrorCode, more: Partial<Outcome> = {}) =>
  outcome({ result: "failed", issue: { code, message: "why" }, ...more });
const cells = (row: object, columns: readonly string[]) =>
  columns.map((column) => (row as Record<string, unknown>)[column]);

describe("columns", () => {
  it("are those that administrators know, each filled in every row", () => {
    const tally = new RoundTally();
    for (const [row, columns, count] of [
      [itemRow(context, outcome()), ITEM_COLUMNS, 16],
      [failureRow(context, failedWith("FILE_CHANGED")), FAILURE_COLUMNS, 17],
      [tally.summaryRow(context.round), SUMMARY_COLUMNS, 18],
      [tally.scanRow(context.round), SCAN_COLUMNS, 12],
      [aggregateRow(context), AGGREGATE_COLUMNS, 18],
      [rowWithoutRound(context.task), AGGREGATE_COLUMNS, 18],
      [roundRow(context, { code: "INTERNAL", message: "why" }), FATAL_COLUMNS, 8],
    ] as const) {
      expect(columns).toHaveLength(count);
      for (const column of columns) expect([column, row[column]]).not.toContain(undefined);
    }
  });
});

describe("the row of an item", () => {
  it("says where it came from and where it is", () => {
    expect(cells(itemRow(context, outcome()), ITEM_COLUMNS)).toEqual([
      "/srv/finance/a/b.tar.gz",
      "https://contoso.sharepoint.com/sites/finance/Shared Documents/a/b.tar.gz",
      ...["b.tar.gz", "gz", 10, "File", "Migrated", "Migrated", ""],
      ...["a/b.tar.gz", "item-id", 4, "job-id", "R3", context.task.id, "a1"],
    ]);
  });

  it("writes a Windows source as Windows does", () => {
    const windows = {
      ...context,
      round: round({ number: 3, target: target(), source: "\\\\fs01\\finance\\" }),
    };
    expect(itemRow(windows, outcome()).Source).toBe("\\\\fs01\\finance\\a\\b.tar.gz");
  });

  it("knows the destination folder, and no destination before the round is open", () => {
    const folders = [{ path: "Old" }, { path: "Old/New" }];
    const below = { ...context, round: round({ target: target({ folders }) }) };
    expect(itemRow(below, outcome()).Destination).toMatch(/Shared Documents\/Old\/New\/a\/b/);
    expect(itemRow({ ...context, round: round() }, outcome()).Destination).toBe("");
  });

  it("has no extension for a folder, and no id at the destination for what failed", () => {
    expect(itemRow(context, outcome({ path: "v1.2", kind: "folder" })).Extension).toBe("");
    expect(itemRow(context, failedWith("FILE_CHANGED"))["Destination item ID"]).toBe("");
  });

  it.each([
    ["UNCHANGED", "MIGRATION SKIP"],
    ["SYMBOLIC_LINK", "SCAN FILTER"],
    ["NOT_A_FILE", "SCAN FILTER"],
  ] as const)("%s is skipped as %s", (code, category) => {
    const row = itemRow(context, failedWith(code, { result: "skipped" }));
    expect(row).toMatchObject({ Status: "Skipped", "Result category": category });
  });

  it.each([
    ["SOURCE_NOT_FOUND", "SCAN FAILURE", "0x01110003"],
    ["METADATA_UNREADABLE", "SCAN FAILURE", "0x01110009"],
    ["NAME_CASE_COLLISION", "SCAN FAILURE", "0x01110010"],
    ["NAME_RESERVED", "PACK FAILURE", "0x01110010"],
    ["PARENT_NOT_MIGRATED", "PACK FAILURE", "0x0111000F"],
    ["SOURCE_READ_FAILED", "READ FAILURE", "0x01410001"],
    ["FILE_VANISHED", "READ FAILURE", "0x02080001"],
    ["FILE_CHANGED", "READ FAILURE", "0x02080001"],
    ["UPLOAD_FAILED", "UPLOADING FAILURE", "0x01510001"],
    ["AGENT_LOST", "UPLOADING FAILURE", "0x01510001"],
    ["SUBMIT_FAILED", "SUBMITTING FAILURE", "0x01610002"],
    ["CONTAINER_EXPIRED", "SUBMITTING FAILURE", "0x01610001"],
    ["CONTAINER_REFUSED", "SUBMITTING FAILURE", "0x01610001"],
    ["DESTINATION_ACCESS_DENIED", "SUBMITTING FAILURE", "0x02010017"],
    ["IMPORT_ITEM_FAILED", "SERVER FAILURE", "0x01710009"],
    ["IMPORT_JOB_FAILED", "SERVER FAILURE", "0x01710006"],
    ["IMPORT_NOT_CONFIRMED", "SERVER FAILURE", "0x01710009"],
    ["INTERNAL", "SERVER FAILURE", "0x00000000"],
  ] as const)("%s is a %s", (code, category, legacy) => {
    const row = failureRow(context, failedWith(code));
    expect(row).toMatchObject({ "Result category": category, "Error code": legacy });
    expect(row.Message).toBe(`${code}: why | ${ERRORS[code].remedy}`);
  });

  it("tells a file that the walk could not read from one that the upload could not", () => {
    const byUpload = failedWith("SOURCE_ACCESS_DENIED");
    const { agent: _agent, ...byWalk } = byUpload;
    expect(itemRow(context, byUpload)["Result category"]).toBe("READ FAILURE");
    expect(itemRow(context, byWalk)["Result category"]).toBe("SCAN FAILURE");
  });
});

describe("the sums of a round", () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  const any = fc.record({
    kind: fc.constantFrom("file", "folder", "other" as const),
    result: fc.constantFrom("migrated", "skipped", "failed" as const),
    code: fc.constantFrom(...codes),
    byAgent: fc.boolean(),
  });

  it("add up, whatever happened", () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), (found) => {
        const tally = new RoundTally();
        for (const { kind, result, code, byAgent } of found) {
          const { agent: _agent, ...without } = outcome({ kind, result });
          const issue = { code, message: "why" };
          tally.add({
            ...without,
            ...(byAgent && { agent: "a1" }),
            ...(result !== "migrated" && { issue }),
          });
        }
        expect(tally.items).toBe(found.length);
        const summary = tally.summaryRow(context.round) as Record<string, number>;
        const sum = (...columns: string[]) =>
          columns.reduce((total, column) => total + (summary[column] as number), 0);
        const failures = ["reading", "packing", "uploading", "submitting", "querying"];
        expect(summary.Scanned).toBe(
          sum(
            ...["Item scan failures", "Filtered out items", "Migrated"],
            ...failures.map((stage) => `Failed ${stage}`),
          ),
        );
        expect(sum("Migrated", "Failed querying")).toBe(summary.Submitted);
        const stages = ["Packaged", "Read", "Uploaded", "Submitted", "Migrated"];
        for (const [index, stage] of stages.entries())
          if (index > 0)
            expect(summary[stage]).toBeLessThanOrEqual(sum(stages[index - 1] as string));

        const scan = tally.scanRow(context.round) as Record<string, number>;
        for (const [column, value] of Object.entries({ ...summary, ...scan }))
          if (typeof value === "number") expect([column, value < 0]).toEqual([column, false]);
        const files = found.filter(({ kind }) => kind === "file").length;
        const folders = found.filter(({ kind }) => kind === "folder").length;
        expect(scan["Total scanned files"]).toBe(files);
        expect(scan["Total scanned folders"]).toBe(folders);
        const { "Folders to be migrated": planned = 0, "Items to be migrated": items = 0 } = scan;
        expect(scan["Total items to be migrated"]).toBe(planned + items);
        expect(summary["Expected migrated file count"]).toBe(scan["Items to be migrated"]);
      }),
    );
  });

  it("do not subtract from the files what is none", () => {
    const tally = new RoundTally();
    tally.add(failedWith("METADATA_UNREADABLE", { kind: "other" }));
    expect(tally.summaryRow(context.round)["Expected migrated file count"]).toBe(0);
    expect(tally.scanRow(context.round)["Items with issues"]).toBe(1);
  });
});

describe("the aggregate", () => {
  it("counts in items, bytes and minutes", () => {
    const done = round({
      ...{ target: target(), state: "CompletedWithErrors", agents: ["a1", "a2"] },
      scan: { ...round().scan, items: 10, bytes: 3 * 1024 ** 3 },
      migrated: { items: 6, bytes: 1024 ** 3 },
      skipped: { items: 3, bytes: 1024 ** 3 },
      failed: { items: 1, bytes: 1024 ** 3 },
      endedAt: new Date(NOON + 90_000).toISOString(),
    });
    expect(cells(aggregateRow({ task: context.task, round: done }), AGGREGATE_COLUMNS)).toEqual([
      ...["Finance share", "CompletedWithErrors", "/srv/finance"],
      "https://contoso.sharepoint.com/sites/finance/Shared Documents",
      ...[10, 7, 6, 1, 3 * 1024 ** 3, 3, 1024 ** 3, 1, "a1; a2", 1.5],
      ...[context.task.id, "", "default", ""],
    ]);
  });

  it("counts nothing for a task that has not begun", () => {
    const waiting = task({ state: "Scheduled", tags: ["wave 1", "paris"] });
    expect(rowWithoutRound(waiting)).toMatchObject({
      Status: "Scheduled",
      Destination: "https://contoso.sharepoint.com/sites/finance/Documents",
      "Total scanned items": 0,
      "Items not migrated": 0,
      "Migrated GB": 0,
      Tags: "wave 1;paris",
    });
  });

  it("says why a round failed, also before it knew its destination", () => {
    const failure = { code: "DESTINATION_NOT_FOUND" as const, message: "no such site" };
    const row = aggregateRow({ ...context, round: round({ state: "Failed", failure }) });
    expect(row["Task failure reason"]).toBe("DESTINATION_NOT_FOUND: no such site");
    expect(row.Destination).toBe(context.task.destination.siteUrl);
    expect(row["Duration (minutes)"]).toBe(0);
  });
});
