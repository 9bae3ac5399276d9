import { readFileSync } from "node:fs";

/** One cell: quoted, with doubled quotes inside, or without anything that would need quotes. */
const CELL = /"((?:[^"]|"")*)"|([^",\r\n]*)/y;

export interface Csv {
  columns: string[];
  rows: Record<string, string>[];
}

export const readCsv = (file: string): Csv => parseCsv(readFileSync(file, "utf8"), file);

/**
 * Reads CSV as RFC 4180 has it and spreadsheets expect it: byte order mark, CRLF after every record, the same number of
 * cells in each. Throws for everything else, naming the `file`.
 */
export function parseCsv(text: string, file: string): Csv {
  if (!text.startsWith("\ufeff")) throw new Error(`${file} has no byte order mark`);
  const [columns = [], ...records] = parse(text.slice(1), file);
  const rows = records.map((cells, index) => {
    if (cells.length !== columns.length)
      throw new Error(`${file}: record ${index + 1} has ${cells.length} cells`);
    return Object.fromEntries(columns.map((column, at) => [column, cells[at] as string]));
  });
  return { columns, rows };
}

function parse(text: string, file: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  for (let at = 0; at < text.length; ) {
    CELL.lastIndex = at;
    const [all = "", quoted, plain = ""] = CELL.exec(text) ?? [];
    record.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    at += all.length;
    if (text[at] === ",") at++;
    else if (text.startsWith("\r\n", at)) {
      records.push(record);
      record = [];
      at += 2;
    } else throw new Error(`${file}: neither comma nor CRLF at ${at}: ${text.slice(at, at + 40)}`);
  }
  if (record.length > 0) throw new Error(`${file}: the last record is not ended`);
  return records;
}
