import { CsvError, parse } from "csv-parse/sync";
import type { BulkProblem } from "../../../shared/contracts/bulk.ts";

export interface CsvRow {
  row: number;
  cells: string[];
}

/** The rows of a CSV file that are not empty, numbered as a spreadsheet does. A byte order mark is passed over. */
export function csvRows(text: string): { rows: CsvRow[]; problems: BulkProblem[] } {
  try {
    const records = parse(text, {
      bom: true,
      // Told by its first line alone, a file with both kinds of line ends would lose rows.
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
      skip_empty_lines: false,
    }) as string[][];
    const rows = records.map((cells, index) => ({
      row: index + 1,
      cells: cells.map((cell) => cell.trim()),
    }));
    const [first] = rows;
    if (first?.cells.length === 1 && first.cells[0]?.includes(";"))
      return {
        rows: [],
        problems: [
          problem(1, first.cells[0], "the columns are not separated by commas", {
            fix: 'Save the file as "CSV UTF-8 (comma delimited)".',
          }),
        ],
      };
    return { rows: rows.filter(({ cells }) => cells.some(Boolean)), problems: [] };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Number(error.lines ?? 1);
    const fix =
      'Put cells with commas, quotes or line breaks between double quotes, and write a quote within as "".';
    return { rows: [], problems: [problem(line, "", error.message, { fix })] };
  }
}

const problem = (row: number, value: string, message: string, { fix }: { fix: string }) => ({
  ...{ row, column: "", value, message, fix },
});
