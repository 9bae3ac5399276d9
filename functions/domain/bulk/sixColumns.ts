import type { BulkProblem } from "../../../shared/contracts/bulk.ts";
import { type BulkFile, type Draft, nameOf, type Remark } from "./bulkFile.ts";
import type { CsvRow } from "./csvRows.ts";

/**
 * The CSV of Migration Manager (MS docs: mm-bulk-upload-format-csv-json): six columns, of which B and C are for other sources
 * than file shares and have to be empty; the header may be left out.
 */
const COLUMNS = [
  "A (FileSharePath)",
  "B",
  "C",
  "D (SharePointSite)",
  "E (DocLibrary)",
  "F (DocSubFolder)",
] as const;

const HEADERS = new Set(["filesharepath", "sharepointsite", "doclibrary", "docsubfolder"]);
const ORIGIN: Record<string, number> = {
  source: 0,
  name: 0,
  "destination.siteUrl": 3,
  "destination.library": 4,
  "destination.folder": 5,
};

const isHeader = ({ cells }: CsvRow): boolean =>
  cells.some((cell) => HEADERS.has(cell.toLowerCase().replace(/\s/g, "")));

export function readSixColumns(rows: readonly CsvRow[], problems: BulkProblem[]): BulkFile {
  const [first, ...rest] = rows;
  const data = first && isHeader(first) ? rest : rows;
  return { format: "migration-manager-csv", drafts: data.map(draftOf), problems };
}

function draftOf({ row, cells }: CsvRow): Draft {
  const problems: Remark[] = [];
  if (cells.length !== COLUMNS.length)
    problems.push({
      column: "",
      value: cells.join(","),
      message: `has ${cells.length} columns instead of 6`,
      fix: "Keep all six columns, also those that are empty; put a cell with a comma in it between double quotes.",
    });
  const [source = "", , , siteUrl = "", library = "", folder = ""] = cells;
  for (const index of [1, 2])
    if (cells[index] && cells.length === COLUMNS.length)
      problems.push({
        column: COLUMNS[index] as string,
        value: cells[index],
        message: "must be empty: it is not for file shares",
        fix: "Leave the cell empty, and check that no column was moved.",
      });
  return {
    row,
    isUnreadable: cells.length !== COLUMNS.length,
    task: { name: nameOf(source), source, destination: { siteUrl, library, folder } },
    problems,
    warnings: [],
    origin: (field) => {
      const index = ORIGIN[field] ?? 0;
      return { column: COLUMNS[index] as string, value: cells[index] ?? "" };
    },
  };
}
