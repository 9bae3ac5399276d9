import { errorDefinition } from "../../../shared/contracts/errors.ts";
import type { Issue } from "../../../shared/contracts/inventory.ts";
import type { Row } from "./columns.ts";
import { type ReportContext, roundLabel } from "./itemRows.ts";

/** The one row of the report on what stopped the whole round. */
export function fatalRow({ task, round }: ReportContext, failure: Issue): Row {
  const { legacy = "", remedy } = errorDefinition(failure.code);
  return {
    "Incremental round": roundLabel(round),
    "Task ID": task.id,
    "Error code": legacy,
    Code: failure.code,
    Message: failure.message,
    Remedy: remedy,
    "Time stamp": round.endedAt ?? "",
    "Device name": round.agents.join("; "),
  };
}
