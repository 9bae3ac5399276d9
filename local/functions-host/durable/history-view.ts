import { EventType, type HistoryEvent } from "./history.ts";

const NAMES = new Map<number, string>(
  Object.entries(EventType).map(([name, type]) => [type, name]),
);

/**
 * History as the status API shows it (`showHistory=true`): event names instead of numbers, the
 * scheduling event folded into its completion, no bookkeeping events.
 */
export function viewHistory(
  events: readonly HistoryEvent[],
  { showOutput, showInput }: { showOutput: boolean; showInput: boolean },
): object[] {
  const scheduled = new Map<number, Record<string, unknown>>();
  const folded = new Set<object>();
  const rows: Record<string, unknown>[] = [];
  for (const event of events) {
    const { EventType: type, EventId, IsPlayed: _, ...fields } = event;
    const row: Record<string, unknown> = { EventType: NAMES.get(type) ?? type, ...fields };
    switch (event.EventType) {
      case EventType.OrchestratorStarted:
      case EventType.OrchestratorCompleted:
        continue;
      case EventType.TaskScheduled:
      case EventType.SubOrchestrationInstanceCreated:
        delete row.Version;
        scheduled.set(EventId, row);
        break;
      case EventType.TaskCompleted:
      case EventType.TaskFailed:
      case EventType.SubOrchestrationInstanceCompleted:
      case EventType.SubOrchestrationInstanceFailed: {
        delete row.TaskScheduledId;
        const origin = scheduled.get(event.TaskScheduledId);
        if (!origin) break;
        row.ScheduledTime = origin.Timestamp;
        row.FunctionName = origin.Name;
        folded.add(origin);
        break;
      }
      case EventType.ExecutionStarted:
        row.FunctionName = event.Name;
        for (const key of ["Name", "OrchestrationInstance", "ParentInstance", "Version", "Tags"]) {
          delete row[key];
        }
        break;
      case EventType.TimerFired:
        delete row.TimerId;
        break;
    }
    if (!showInput) delete row.Input;
    if ("Result" in row) {
      if (showOutput) row.Result = parseJson(row.Result as string | null);
      else delete row.Result;
    }
    rows.push(row);
  }
  return rows.filter((row) => !folded.has(row));
}

/** JSON as a value; a text that is none (the reason of a failure) as it is. */
function parseJson(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
