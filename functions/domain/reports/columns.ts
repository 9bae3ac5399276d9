/**
 * Columns of a round's reports, with the names and in the order that administrators know from Microsoft's Migration Manager.
 * Sums: Scanned = Migrated + Filtered out + all failures, in items in ItemSummary and in bytes in the aggregate report.
 */

export type Row = Record<string, string | number>;

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

/** Why a round as a whole stopped, and what its scan warns of: each a report that is there only when there is something. */
export const FATAL_COLUMNS = [
  "Incremental round",
  "Task ID",
  "Error code",
  "Code",
  "Message",
  "Remedy",
  "Time stamp",
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
  "Tags",
] as const;
