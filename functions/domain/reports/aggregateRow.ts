import { destinationFolder } from "../packages/plan.ts";
import type { TaskRecord } from "../records.ts";
import { AGGREGATE_COLUMNS, type Row } from "./columns.ts";
import type { ReportContext } from "./itemRows.ts";

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
    Source: round.source,
    Destination:
      target && !target.nominal
        ? `${new URL(target.origin).origin}${destinationFolder(target)}`
        : round.destination.siteUrl,
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
    "Agent group": round.agentGroup,
    Tags: task.tags.join(";"),
  };
}

/** The row of a task that has not begun yet. */
export function rowWithoutRound(task: TaskRecord): Row {
  const { siteUrl, library, folder } = task.destination;
  const nothing = AGGREGATE_COLUMNS.filter((name) => /items|bytes|GB/i.test(name));
  return {
    ...Object.fromEntries(AGGREGATE_COLUMNS.map((name) => [name, ""])),
    ...Object.fromEntries(nothing.map((name) => [name, 0])),
    "Task name": task.name,
    Status: task.state,
    Source: task.source,
    Destination: [siteUrl, library, folder].filter(Boolean).join("/"),
    TaskID: task.id,
    "Agent group": task.agentGroup,
    Tags: task.tags.join(";"),
  };
}
