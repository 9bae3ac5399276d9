import { errorDefinition } from "../../../shared/contracts/errors.ts";
import type { Issue } from "../../../shared/contracts/inventory.ts";
import type { Row } from "./columns.ts";
import { type ReportContext, roundLabel } from "./itemRows.ts";

/** The row of what is wrong with a round as a whole: what has stopped it, or a warning of its scan. */
export function roundRow({ task, round }: ReportContext, issue: Issue): Row {
  const { legacy = "", remedy } = errorDefinition(issue.code);
  return {
    "Incremental round": roundLabel(round),
    "Task ID": task.id,
    "Error code": legacy,
    Code: issue.code,
    Message: issue.message,
    Remedy: remedy,
    "Time stamp": round.endedAt ?? "",
    "Device name": round.agents.join("; "),
  };
}
