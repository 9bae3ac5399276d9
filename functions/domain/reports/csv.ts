import { type Stringifier, stringify } from "csv-stringify";

/**
 * The one form of all our CSV: cells that a spreadsheet would take for a formula are neutralised, and a byte order mark makes
 * it read UTF-8.
 */
export const csvOf = (columns: readonly string[]): Stringifier =>
  stringify({
    header: true,
    bom: true,
    columns: [...columns],
    escape_formulas: true,
    // Names may hold line breaks; on their own they do not make csv-stringify quote a cell.
    quoted_match: /[\r\n]/,
    record_delimiter: "windows",
  });
