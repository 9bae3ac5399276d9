import type { BulkFile } from "./bulkFile.ts";
import { csvRows } from "./csvRows.ts";
import { hasNamedColumns, readNamedColumns } from "./namedColumns.ts";
import { readSixColumns } from "./sixColumns.ts";
import { readTaskList } from "./taskList.ts";

/** Reads a file of tasks; `auto` tells the format by its first characters and its header. */
export function readBulkFile(
  text: string,
  format: "auto" | "migration-manager" | "longshore",
): BulkFile {
  const file = read(text, format);
  if (file.drafts.length > 0 || file.problems.length > 0) return file;
  const empty = { row: 0, column: "", value: "", message: "there are no tasks in the file" };
  return { ...file, problems: [{ ...empty, fix: "Write one row for each task." }] };
}

function read(text: string, format: Parameters<typeof readBulkFile>[1]): BulkFile {
  if (format !== "longshore" && /^\ufeff?\s*[[{]/.test(text)) return readTaskList(text);
  const { rows, problems } = csvRows(text);
  const isNamed = format === "longshore" || (format === "auto" && hasNamedColumns(rows[0]));
  return isNamed ? readNamedColumns(rows, problems) : readSixColumns(rows, problems);
}
