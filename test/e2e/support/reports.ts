import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readCsv } from "./csv.ts";

/** Reports and their columns, as administrators know them from Microsoft's Migration Manager (MS docs: mm-reports). */
const list = (columns: string) => columns.split("; ");
export const COLUMNS = {
  "Aggregate Summary Report": list(
    "Task name; Status; Source; Destination; Total scanned items; Total to be migrated items; Migrated items; Items not migrated; Total bytes; Total GB; Migrated bytes; Migrated GB; Agent; Duration (minutes); TaskID; Task failure reason; Agent group; Tags",
  ),
  ItemSummary: list(
    "Incremental round; Scanned; Item scan failures; Filtered out items; Expected migrated file count; Read; Packaged; Uploaded; ReUploaded; Submitted; ReSubmitted; Migrated; Failed reading; Failed packing; Failed uploading; Failed submitting; Failed querying; Device name",
  ),
  ItemFailureReport: list(
    "Source; Destination; Item name; Extension; Item size; Content type; Status; Result category; Message; Error code; Source item ID; Destination item ID; Package number; Migration job ID; Incremental Round; Task ID; Device name",
  ),
  ItemReport: list(
    "Source; Destination; File name; Extension; File size; Content type; Status; Result category; Message; Source item ID; Destination item ID; Package number; Migration job ID; Incremental round; Task ID; Device name",
  ),
  ScanSummary: list(
    "Incremental round; Total scanned items; Total scanned folders; Total scanned list items; Total scanned files; Folders with issues; Items with issues; Items filtered out; Folders to be migrated; Items to be migrated; Total items to be migrated; Device name",
  ),
} as const;
export type ReportName = keyof typeof COLUMNS;

export type Row = Record<string, string>;

export interface Reports {
  /** Names of all files in the folder, sorted. */
  files: string[];
  columns(name: ReportName): string[];
  rows(name: ReportName): Row[];
  /** The only row of a report, with every cell that is a number as one. */
  figures(name: ReportName): Record<string, number>;
}

export const fileOf = (name: ReportName, round: number): string =>
  name === "Aggregate Summary Report" ? `${name}.csv` : `${name}_R${round}.csv`;

/** The reports of a round, from the folder that the summary names. */
export function readReports(folder: string, round: number): Reports {
  const read = (name: ReportName) => readCsv(join(folder, fileOf(name, round)));
  return {
    files: readdirSync(folder).sort(),
    columns: (name) => read(name).columns,
    rows: (name) => read(name).rows,
    figures(name) {
      const { rows } = read(name);
      if (rows.length !== 1) throw new Error(`${name} has ${rows.length} rows`);
      const cells = Object.entries(rows[0] as Row);
      return Object.fromEntries(
        cells.flatMap(([column, cell]) =>
          /^\d+(\.\d+)?$/.test(cell) ? [[column, Number(cell)]] : [],
        ),
      );
    },
  };
}

/** The item's path below the source. `Source` begins with "/", so that it is never neutralised. */
export function pathOf(row: Row, source: string): string {
  const full = row.Source ?? "";
  if (!full.startsWith(`${source}/`)) throw new Error(`${full} is not below ${source}`);
  return full.slice(source.length + 1);
}

/** How many rows have each status. */
export function countBy(rows: readonly Row[], column: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[row[column] ?? ""] = (counts[row[column] ?? ""] ?? 0) + 1;
  return counts;
}
