import { errorDefinition } from "../../../shared/contracts/errors.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { baseName, extensionOf } from "../../../shared/rules/paths.ts";
import { destinationFolder } from "../packages/plan.ts";
import type { RoundRecord, TaskRecord } from "../records.ts";
import type { Row } from "./columns.ts";
import { FAILURE_CATEGORY, failureOf } from "./failures.ts";

export interface ReportContext {
  task: TaskRecord;
  round: RoundRecord;
}

export const roundLabel = (round: RoundRecord): string => `R${round.number}`;

function place(
  { round }: ReportContext,
  { path, destinationPath = path }: Outcome,
): { Source: string; Destination: string } {
  const separator = round.source.includes("\\") ? "\\" : "/";
  const below = separator === "/" ? path : path.replaceAll("/", separator);
  const { target } = round;
  return {
    Source: `${round.source.replace(/[\\/]+$/, "")}${separator}${below}`,
    Destination:
      target && !target.nominal
        ? `${new URL(target.origin).origin}${destinationFolder(target)}/${destinationPath}`
        : "",
  };
}

const CONTENT_TYPE = { file: "File", folder: "Folder", other: "Other" } as const;
const STATUS = { migrated: "Migrated", skipped: "Skipped", failed: "Failed" } as const;

/** The words of the familiar report column for what was skipped. */
const SKIP_CATEGORY: Record<string, string> = {
  UNCHANGED: "MIGRATION SKIP",
  EXISTS_AT_DESTINATION: "MIGRATION SKIP",
  SCAN_ONLY: "Scan Finished",
  CANCELLED: "CANCELLED",
};

function describe(outcome: Outcome): { category: string; message: string } {
  const { issue, result } = outcome;
  const message = issue ? `${issue.code}: ${issue.message}` : "";
  if (result === "migrated") return { category: "Migrated", message };
  if (result === "failed")
    return {
      category: FAILURE_CATEGORY[failureOf(outcome)],
      message: issue ? `${message} | ${errorDefinition(issue.code).remedy}` : message,
    };
  return { category: SKIP_CATEGORY[issue?.code ?? ""] ?? "SCAN FILTER", message };
}

export function itemRow(context: ReportContext, outcome: Outcome): Row {
  const { category, message } = describe(outcome);
  return {
    ...place(context, outcome),
    "File name": baseName(outcome.path),
    Extension: outcome.kind === "file" ? extensionOf(outcome.path) : "",
    "File size": outcome.size,
    "Content type": CONTENT_TYPE[outcome.kind],
    Status: STATUS[outcome.result],
    "Result category": category,
    Message: message,
    "Source item ID": outcome.path,
    "Destination item ID": outcome.result === "failed" ? "" : (outcome.id ?? ""),
    "Package number": outcome.package,
    "Migration job ID": outcome.job ?? "",
    "Incremental round": roundLabel(context.round),
    "Task ID": context.task.id,
    "Device name": outcome.agent ?? "",
  };
}

export function failureRow(context: ReportContext, outcome: Outcome): Row {
  const row = itemRow(context, outcome);
  return {
    ...row,
    "Item name": row["File name"] as string,
    "Item size": outcome.size,
    "Error code": errorDefinition(outcome.issue?.code ?? "INTERNAL").legacy ?? "",
    "Incremental Round": roundLabel(context.round),
  };
}
