import type { Assessment } from "../../../shared/contracts/assessment.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import type { Row } from "../reports/columns.ts";
import { itemRow, type ReportContext } from "../reports/itemRows.ts";
import type { PathLengths } from "./assessmentTally.ts";

/** Columns of the assessment as CSV: one row for each thing that is counted. */
export const ASSESSMENT_COLUMNS = ["Section", "Name", "Items", "Bytes", "Value", "Examples"];

export const LONG_PATH_COLUMNS = [
  "Source",
  "Destination",
  "File name",
  "Content type",
  "Path length",
  "Local path length",
  "Incremental round",
  "Task ID",
];

export function assessmentRows(assessment: Assessment): Row[] {
  const row = (Section: string, Name: string, more: Row = {}): Row => ({ Section, Name, ...more });
  const amount = (name: string, { items, bytes }: { items: number; bytes: number }) =>
    row("Overview", name, { Items: items, Bytes: bytes });
  const { files, folders, others, bytes, longestPath } = assessment;
  return [
    row("Overview", "Readiness", { Value: assessment.readiness }),
    amount("Scanned", { items: files + folders + others, bytes }),
    row("Overview", "Files", { Items: files }),
    row("Overview", "Folders", { Items: folders }),
    row("Overview", "Others", { Items: others }),
    amount("To be migrated", assessment.toMigrate),
    amount("At the destination already", assessment.alreadyThere),
    amount("Left out", assessment.leftOut),
    amount("Kept back by issues", assessment.keptBack),
    row("Overview", "Size", { Value: assessment.sizeClass }),
    row("Overview", "Files and folders", { Value: assessment.countClass }),
    ...(longestPath
      ? [
          row("Overview", "Longest path at the destination", {
            Value: longestPath.length,
            Examples: longestPath.path,
          }),
        ]
      : []),
    ...assessment.issues.map(({ code, keepsBack, items, examples }) =>
      row(keepsBack ? "Issue" : "Warning", code, { Items: items, Examples: examples.join("\n") }),
    ),
    ...assessment.largestFiles.map(({ path, bytes: size }) =>
      row("Largest files", path, { Bytes: size }),
    ),
    ...assessment.extensions.map(({ extension, files: count, bytes: size }) =>
      row("Extensions", extension || "(none)", { Items: count, Bytes: size }),
    ),
    row("Extensions", "(others)", {
      Items: assessment.otherExtensions.files,
      Bytes: assessment.otherExtensions.bytes,
    }),
    ...assessment.ages.map(({ age, files: count, bytes: size }) =>
      row("Last changed", age, { Items: count, Bytes: size }),
    ),
  ];
}

export const longPathRow = (
  context: ReportContext,
  outcome: Outcome,
  lengths: PathLengths,
): Row => ({
  ...itemRow(context, outcome),
  "Path length": lengths.length,
  "Local path length": lengths.localLength,
});
