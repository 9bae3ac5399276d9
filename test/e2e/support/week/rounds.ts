import { expect } from "@jest/globals";
import { parseCsv } from "../csv.ts";
import { COLUMNS, fileOf, pathOf, type ReportName, type Row } from "../reports.ts";
import { type Expectation, type Expected, type Totals, totalsOf } from "./books.ts";
import { ok, type Person } from "./people.ts";

export interface Round {
  task: string;
  number: number;
  source: string;
  /** The destination folder's address. */
  destination: string;
}

/**
 * Holds a round that has ended against what ought to have become of every item of its source: the item report row by row, the
 * items as they are paged, the failures, and every number of the summaries. Returns the rows of the item report.
 */
export async function checkRound(
  person: Person,
  round: Round,
  expectation: Expectation,
): Promise<Row[]> {
  const { task, number, source } = round;
  const folder = `tasks/${task}/rounds/${number}`;
  const report = async (name: ReportName) => {
    const { columns, rows } = await download(person, `${folder}/reports/${fileOf(name, number)}`);
    expect(columns).toEqual(COLUMNS[name]);
    return rows;
  };
  const rows = await report("ItemReport");
  const wanted = [...expectation].map(([path, expected]) => wantedRow(round, path, expected));
  const given = rows.map((row) => seenRow(row, source));
  expect(given.sort(byPath)).toEqual(wanted.sort(byPath));
  for (const row of rows) {
    const isMigrated = row.Status === "Migrated";
    // Who brought it, and what it is there: exactly what was migrated in this round has a job.
    expect([row.Source, row["Migration job ID"] !== ""]).toEqual([row.Source, isMigrated]);
    if (isMigrated) expect(row["Destination item ID"]).toMatch(/^[0-9a-f-]{36}$/i);
  }

  const { reports } = await ok(person.get(`${folder}/reports`));
  const names = reports.map(({ name }: { name: string }) => name);
  const failed = wanted.filter(({ Status }) => Status === "Failed");
  expect(names.includes(`ItemFailureReport_R${number}.csv`)).toBe(failed.length > 0);
  if (failed.length > 0) {
    const failures = await report("ItemFailureReport");
    expect(failures.map((row) => seenRow(row, source)).sort(byPath)).toMatchObject(
      failed.map(({ path, Status, code }) => ({ path, Status, code })),
    );
  }

  const items = await allItems(person, folder);
  expect(items.map(itemAsRow).sort(byPath)).toEqual(rows.map(rowAsItem(source)).sort(byPath));

  const totals = totalsOf(expectation);
  await checkSummaries(report, number, expectation, totals);
  const { rounds } = await ok(person.get(`tasks/${task}/rounds`));
  expect(rounds.find((each: { number: number }) => each.number === number)).toMatchObject(totals);
  return rows;
}

/** Every item of a round, a few at a time. */
async function allItems(person: Person, folder: string): Promise<Row[]> {
  const items: Row[] = [];
  let next: string | undefined = "";
  while (next !== undefined) {
    const page = await ok(person.get(`${folder}/items?limit=97${next && `&after=${next}`}`));
    expect(page.items.length).toBeLessThanOrEqual(97);
    items.push(...page.items);
    next = page.next;
  }
  return items;
}

async function checkSummaries(
  report: (name: ReportName) => Promise<Row[]>,
  number: number,
  expectation: Expectation,
  { scanned, migrated, skipped, failed }: Totals,
): Promise<void> {
  const all = [...expectation.values()];
  const count = (test: (each: Expected) => boolean) => all.filter(test).length;
  const wouldBe = ({ result, code }: Expected) => result === "migrated" || code === "SCAN_ONLY";
  const isFolder = ({ item }: Expected) => item.kind === "folder";
  const cells = (values: object) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

  const [scan, ...noMore] = await report("ScanSummary");
  expect(noMore).toEqual([]);
  expect(scan).toMatchObject(
    cells({
      "Incremental round": `R${number}`,
      "Total scanned items": scanned.items,
      "Total scanned folders": scanned.folders,
      "Total scanned files": scanned.files,
      "Folders with issues": count((each) => each.result === "failed" && isFolder(each)),
      "Items with issues": count((each) => each.result === "failed" && !isFolder(each)),
      "Items filtered out": count((each) => each.result === "skipped" && !wouldBe(each)),
      "Folders to be migrated": count((each) => wouldBe(each) && isFolder(each)),
      "Items to be migrated": count((each) => wouldBe(each) && !isFolder(each)),
      "Total items to be migrated": count(wouldBe),
    }),
  );
  // Nothing but names, paths and collisions can fail in these sources.
  const collisions = count(({ code }) => code === "NAME_CASE_COLLISION");
  const [summary] = await report("ItemSummary");
  expect(summary).toMatchObject(
    cells({
      "Incremental round": `R${number}`,
      Scanned: scanned.items,
      "Item scan failures": collisions,
      "Filtered out items": skipped.items,
      "Expected migrated file count": count((each) => wouldBe(each) && !isFolder(each)),
      ...{ Read: migrated.items, Packaged: migrated.items, Uploaded: migrated.items },
      ...{ Submitted: migrated.items, Migrated: migrated.items },
      "Failed packing": failed.items - collisions,
      ...{ "Failed reading": 0, "Failed uploading": 0 },
      ...{ "Failed submitting": 0, "Failed querying": 0 },
    }),
  );
  const [aggregate] = await report("Aggregate Summary Report");
  expect(aggregate).toMatchObject(aggregateCells({ scanned, migrated, skipped, failed }));
}

/** The numbers of a task's row in the aggregate report. */
export const aggregateCells = ({ scanned, migrated, skipped, failed }: Totals): Row => ({
  "Total scanned items": String(scanned.items),
  "Total to be migrated items": String(scanned.items - skipped.items),
  "Migrated items": String(migrated.items),
  "Items not migrated": String(failed.items),
  "Total bytes": String(scanned.bytes),
  "Migrated bytes": String(migrated.bytes),
});

export async function download(
  person: Person,
  path: string,
): Promise<{ columns: string[]; rows: Row[] }> {
  const { status, text } = await person.get(path);
  if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  return parseCsv(text, path);
}

const byPath = (one: Row, other: Row) => ((one.path ?? "") < (other.path ?? "") ? -1 : 1);
const KIND: Record<string, string> = { file: "File", folder: "Folder" };
const STATUS = { migrated: "Migrated", skipped: "Skipped", failed: "Failed" } as const;
const codeIn = (row: Row) => /^([A-Z_]+): /.exec(row.Message ?? "")?.[1] ?? "";

function wantedRow({ task, number, destination }: Round, path: string, expected: Expected): Row {
  const { item, result, code } = expected;
  return {
    ...{ path, code, Status: STATUS[result] },
    ...{ size: String(item.size), kind: KIND[item.kind] ?? "Other" },
    ...{ destination: `${destination}/${path}`, name: path.split("/").at(-1) ?? "" },
    ...{ round: `R${number}`, task },
  };
}

const seenRow = (row: Row, source: string): Row => ({
  ...{ path: pathOf(row, source), code: codeIn(row), Status: row.Status ?? "" },
  ...{ size: row["File size"] ?? "", kind: row["Content type"] ?? "" },
  ...{ destination: row.Destination ?? "", name: row["File name"] ?? "" },
  ...{ round: row["Incremental round"] ?? "", task: row["Task ID"] ?? "" },
});

// biome-ignore lint/suspicious/noExplicitAny: JSON of another program
const itemAsRow = ({ path, kind, size, result, code, id, package: pkg, job, agent }: any): Row => ({
  ...{ path, kind: KIND[kind] ?? "Other", size: String(size), result },
  ...{ code: code ?? "", id: id ?? "", package: String(pkg), job: job ?? "", agent: agent ?? "" },
});

const rowAsItem =
  (source: string) =>
  (row: Row): Row => ({
    ...{ path: pathOf(row, source), kind: row["Content type"] ?? "" },
    ...{ size: row["File size"] ?? "", result: (row.Status ?? "").toLowerCase() },
    ...{ code: codeIn(row), id: row["Destination item ID"] ?? "" },
    ...{ package: row["Package number"] ?? "", job: row["Migration job ID"] ?? "" },
    agent: row["Device name"] ?? "",
  });
