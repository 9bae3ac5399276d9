import { EventType, type HistoryEvent } from "./history.ts";

const NAMES = new Map<number, string>(
  Object.entries(EventType).map(([name, type]) => [type, name]),
);
/** What the status API does not show of any event. */
const HIDDEN = ["IsPlayed", "EventId", "TaskScheduledId", "TimerId", "Version", "Tags"];

/**
 * History as the status API shows it (`showHistory=true`): event names instead of numbers, the
 * scheduling event folded into its completion, no bookkeeping events.
 */
export function viewHistory(
  events: readonly HistoryEvent[],
  { showOutput, showInput }: { showOutput: boolean; showInput: boolean },
): object[] {
  const rows = new Map<HistoryEvent, Record<string, unknown>>();
  const scheduled = new Map<number, HistoryEvent>();
  for (const event of events) {
    const type = event.EventType;
    if (type === EventType.OrchestratorStarted || type === EventType.OrchestratorCompleted)
      continue;
    const row: Record<string, unknown> = { ...event, EventType: NAMES.get(type) ?? type };
    for (const field of HIDDEN) delete row[field];
    if (event.EventId >= 0) scheduled.set(event.EventId, event);
    if (type === EventType.ExecutionStarted) {
      row.FunctionName = row.Name;
      for (const field of ["Name", "OrchestrationInstance", "ParentInstance"]) delete row[field];
    }
    const origin = "TaskScheduledId" in event && scheduled.get(event.TaskScheduledId);
    if (origin && "Name" in origin) {
      row.ScheduledTime = origin.Timestamp;
      row.FunctionName = origin.Name;
      rows.delete(origin);
    }
    if (!showInput) delete row.Input;
    if (!showOutput) delete row.Result;
    else if (typeof row.Result === "string") row.Result = parseJson(row.Result);
    rows.set(event, row);
  }
  return [...rows.values()];
}

/** JSON as a value; a text that is none (the reason of a failure) as it is. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
