import type { BulkProblem } from "../../../shared/contracts/bulk.ts";
import { ABSOLUTE } from "../../../shared/contracts/tasks.ts";
import { csvRows } from "./csvRows.ts";

/** The sources of a file with one column, which may have a header; everything that is wrong with it. */
export function readSourceList(text: string): {
  sources: { row: number; source: string }[];
  problems: BulkProblem[];
} {
  const { rows, problems } = csvRows(text);
  const [first] = rows;
  const hasHeader =
    first !== undefined && /^(share|source|file|path)[\w ]*$/i.test(first.cells[0] ?? "");
  const sources: { row: number; source: string }[] = [];
  for (const { row, cells } of hasHeader ? rows.slice(1) : rows) {
    const [source = "", ...others] = cells;
    const refuse = (value: string, message: string, fix: string) =>
      problems.push({ row, column: "1", value, message, fix });
    const other = others.find(Boolean);
    if (!ABSOLUTE.test(source))
      refuse(
        source,
        source === "" ? "is missing" : "is not an absolute path",
        "Give the folder as the agent sees it: \\\\server\\share\\folder, or another absolute path.",
      );
    else if (source.length > 4_096)
      refuse(source.slice(0, 100), "is too long", "Give at most 4,096 characters.");
    else if (other !== undefined)
      refuse(
        other,
        "is a second column",
        "Give sources only; put one with a comma between double quotes.",
      );
    else sources.push({ row, source });
  }
  if (sources.length === 0 && problems.length === 0)
    problems.push({
      ...{ row: 0, column: "", value: "", message: "there are no sources in the file" },
      fix: "Write one source in each line.",
    });
  return { sources, problems };
}
