import type { ErrorCode } from "../../shared/contracts/errors.ts";
import { errorDefinition } from "../../shared/contracts/errors.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import { baseName, extensionOf } from "../../shared/rules/paths.ts";
import { destinationFolder } from "./plan.ts";
import type { RoundRecord, TaskRecord } from "./records.ts";

/**
 * The reports of a round with the names and columns that administrators know from Microsoft's Migration Manager. Sums:
 * Scanned = Migrated + Filtered out + all failures, in items here and in bytes in the aggregate report.
 */

export type Row = Record<string, string | number>;

export interface ReportContext {
  task: TaskRecord;
  round: RoundRecord;
}

export const ITEM_COLUMNS = [
  "Source",
  "Destination",
  "File name",
  "Extension",
  "File size",
  "Content type",
  "Status",
  "Result category",
  "Message",
  "Source item ID",
  "Destination item ID",
  "Package number",
  "Migration job ID",
  "Incremental round",
  "Task ID",
  "Device name",
] as const;

export const FAILURE_COLUMNS = [
  "Source",
  "Destination",
  "Item name",
  "Extension",
  "Item size",
  "Content type",
  "Status",
  "Result category",
  "Message",
  "Error code",
  "Source item ID",
  "Destination item ID",
  "Package number",
  "Migration job ID",
  "Incremental Round",
  "Task ID",
  "Device name",
] as const;

export const SUMMARY_COLUMNS = [
  "Incremental round",
  "Scanned",
  "Item scan failures",
  "Filtered out items",
  "Expected migrated file count",
  "Read",
  "Packaged",
  "Uploaded",
  "ReUploaded",
  "Submitted",
  "ReSubmitted",
  "Migrated",
  "Failed reading",
  "Failed packing",
  "Failed uploading",
  "Failed submitting",
  "Failed querying",
  "Device name",
] as const;

export const SCAN_COLUMNS = [
  "Incremental round",
  "Total scanned items",
  "Total scanned folders",
  "Total scanned list items",
  "Total scanned files",
  "Folders with issues",
  "Items with issues",
  "Items filtered out",
  "Folders to be migrated",
  "Items to be migrated",
  "Total items to be migrated",
  "Device name",
] as const;

export const AGGREGATE_COLUMNS = [
  "Task name",
  "Status",
  "Source",
  "Destination",
  "Total scanned items",
  "Total to be migrated items",
  "Migrated items",
  "Items not migrated",
  "Total bytes",
  "Total GB",
  "Migrated bytes",
  "Migrated GB",
  "Agent",
  "Duration (minutes)",
  "TaskID",
  "Task failure reason",
  "Agent group",
] as const;

/** Where an item that did not arrive got stuck; the words are those of the familiar report column. */
type Failure = "scan" | "reading" | "packing" | "uploading" | "submitting" | "querying";

const CATEGORY: Record<Failure, string> = {
  scan: "SCAN FAILURE",
  reading: "READ FAILURE",
  packing: "PACK FAILURE",
  uploading: "UPLOADING FAILURE",
  submitting: "SUBMITTING FAILURE",
  querying: "SERVER FAILURE",
};

const READING = new Set<ErrorCode>(["SOURCE_READ_FAILED", "FILE_VANISHED", "FILE_CHANGED"]);

const SUBMITTING = new Set<ErrorCode>([
  "SUBMIT_FAILED",
  "CONTAINER_EXPIRED",
  "DESTINATION_ACCESS_DENIED",
]);

function failureOf(outcome: Outcome): Failure {
  const code = outcome.issue?.code ?? "INTERNAL";
  // The same refusal is a scan failure when the walk met it and a read failure when the upload did.
  if (code === "SOURCE_ACCESS_DENIED") return outcome.agent ? "reading" : "scan";
  if (READING.has(code)) return "reading";
  if (SUBMITTING.has(code)) return "submitting";
  const { stage } = errorDefinition(code);
  if (stage === "scan") return "scan";
  if (stage === "package") return "packing";
  if (stage === "upload") return "uploading";
  return "querying";
}

const label = (round: RoundRecord) => `R${round.number}`;

function place(
  { task, round }: ReportContext,
  path: string,
): { Source: string; Destination: string } {
  const separator = task.source.includes("\\") ? "\\" : "/";
  const below = separator === "/" ? path : path.replaceAll("/", separator);
  const { target } = round;
  return {
    Source: `${task.source.replace(/[\\/]+$/, "")}${separator}${below}`,
    Destination: target
      ? `${new URL(target.origin).origin}${destinationFolder(target)}/${path}`
      : "",
  };
}

const CONTENT_TYPE = { file: "File", folder: "Folder", other: "Other" } as const;
const STATUS = { migrated: "Migrated", skipped: "Skipped", failed: "Failed" } as const;

function describe(outcome: Outcome): { category: string; message: string } {
  const { issue, result } = outcome;
  const message = issue ? `${issue.code}: ${issue.message}` : "";
  if (result === "migrated") return { category: "Migrated", message };
  if (result === "failed")
    return {
      category: CATEGORY[failureOf(outcome)],
      message: issue ? `${message} | ${errorDefinition(issue.code).remedy}` : message,
    };
  return { category: issue?.code === "UNCHANGED" ? "MIGRATION SKIP" : "SCAN FILTER", message };
}

export function itemRow(context: ReportContext, outcome: Outcome): Row {
  const { category, message } = describe(outcome);
  return {
    ...place(context, outcome.path),
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
    "Incremental round": label(context.round),
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
    "Incremental Round": label(context.round),
  };
}

/** Counts that grow with every outcome; the rows of ItemSummary and ScanSummary come from them. */
export class RoundTally {
  private scanned = 0;
  private files = 0;
  private folders = 0;
  private foldersWithIssues = 0;
  private itemsWithIssues = 0;
  private filtered = 0;
  private filteredFiles = 0;
  private filteredFolders = 0;
  private migrated = 0;
  private readonly failures: Record<Failure, number> = {
    scan: 0,
    reading: 0,
    packing: 0,
    uploading: 0,
    submitting: 0,
    querying: 0,
  };
  private failedFilesBeforeUpload = 0;
  private failedFoldersEarly = 0;

  get items(): number {
    return this.scanned;
  }

  add(outcome: Outcome): void {
    const folder = outcome.kind === "folder";
    this.scanned++;
    if (outcome.kind === "file") this.files++;
    if (folder) this.folders++;
    if (outcome.result === "skipped") {
      this.filtered++;
      if (outcome.kind === "file") this.filteredFiles++;
      if (folder) this.filteredFolders++;
    } else if (outcome.result === "migrated") {
      this.migrated++;
    } else {
      const failure = failureOf(outcome);
      this.failures[failure]++;
      if (folder) this.foldersWithIssues++;
      else this.itemsWithIssues++;
      if (failure === "scan" || failure === "packing") {
        if (folder) this.failedFoldersEarly++;
        if (outcome.kind === "file") this.failedFilesBeforeUpload++;
      }
    }
  }

  summaryRow(round: RoundRecord): Row {
    const { failures } = this;
    const packaged = this.scanned - this.filtered - failures.scan - failures.packing;
    const read = packaged - failures.reading;
    const uploaded = read - failures.uploading;
    return {
      "Incremental round": label(round),
      Scanned: this.scanned,
      "Item scan failures": failures.scan,
      "Filtered out items": this.filtered,
      "Expected migrated file count":
        this.files - this.filteredFiles - this.failedFilesBeforeUpload,
      Read: read,
      Packaged: packaged,
      Uploaded: uploaded,
      ReUploaded: 0,
      Submitted: uploaded - failures.submitting,
      ReSubmitted: 0,
      Migrated: this.migrated,
      "Failed reading": failures.reading,
      "Failed packing": failures.packing,
      "Failed uploading": failures.uploading,
      "Failed submitting": failures.submitting,
      "Failed querying": failures.querying,
      "Device name": round.agents.join("; "),
    };
  }

  scanRow(round: RoundRecord): Row {
    const folders = this.folders - this.filteredFolders - this.failedFoldersEarly;
    const items = this.files - this.filteredFiles - this.failedFilesBeforeUpload;
    return {
      "Incremental round": label(round),
      "Total scanned items": this.scanned,
      "Total scanned folders": this.folders,
      "Total scanned list items": 0,
      "Total scanned files": this.files,
      "Folders with issues": this.foldersWithIssues,
      "Items with issues": this.itemsWithIssues,
      "Items filtered out": this.filtered,
      "Folders to be migrated": folders,
      "Items to be migrated": items,
      "Total items to be migrated": folders + items,
      "Device name": round.agents.join("; "),
    };
  }
}

const GB = 1024 ** 3;
const gigabytes = (bytes: number) => Number((bytes / GB).toFixed(3));

export function aggregateRow({ task, round }: ReportContext): Row {
  const { migrated, skipped, scan, target } = round;
  const toBeMigrated = scan.items - skipped.items;
  const minutes =
    (Date.parse(round.endedAt ?? round.startedAt) - Date.parse(round.startedAt)) / 60_000;
  return {
    "Task name": task.name,
    Status: round.state,
    Source: task.source,
    Destination: target
      ? `${new URL(target.origin).origin}${destinationFolder(target)}`
      : task.destination.siteUrl,
    "Total scanned items": scan.items,
    "Total to be migrated items": toBeMigrated,
    "Migrated items": migrated.items,
    "Items not migrated": toBeMigrated - migrated.items,
    "Total bytes": scan.bytes,
    "Total GB": gigabytes(scan.bytes),
    "Migrated bytes": migrated.bytes,
    "Migrated GB": gigabytes(migrated.bytes),
    Agent: round.agents.join("; "),
    "Duration (minutes)": Number(minutes.toFixed(2)),
    TaskID: task.id,
    "Task failure reason": round.failure ? `${round.failure.code}: ${round.failure.message}` : "",
    "Agent group": task.agentGroup,
  };
}
