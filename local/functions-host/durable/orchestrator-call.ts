import { fromTypedData } from "../rpc-data.ts";
import type { OrchestratorState } from "./actions.ts";
import { HTTP_POLL_MS } from "./call-http.ts";
import type { Execution } from "./executions.ts";
import { parentOf } from "./instances.ts";
import type { TaskHub } from "./task-hub.ts";

/** The SDK reports a failed orchestrator as an exception that ends with its state. */
const OUT_OF_PROC_MARK = "\n\n$OutOfProcData$:";

/** What one run of the orchestrator function gave: a state, or an error without one. */
export interface OrchestratorAnswer {
  state?: OrchestratorState;
  /** The exception, if the function threw one. */
  error?: Error;
}

/** Replays the orchestrator function over its history plus `newJson` (comma-joined events). */
export async function callOrchestrator(
  hub: TaskHub,
  execution: Execution,
  newJson: string,
): Promise<OrchestratorAnswer> {
  const { instance } = execution;
  const target = hub.orchestrators.find(instance.name);
  if (!target) return { error: new Error(hub.orchestrators.unknown(instance.name)) };
  const trigger = { string: triggerJson(hub, execution, newJson) };
  try {
    const state = fromTypedData(await hub.invoke(target, trigger)) as OrchestratorState | null;
    // Not the app's doing as far as the engine can tell: the turn is tried again, with growing pauses.
    if (!Array.isArray(state?.actions)) {
      throw new InvalidState(`orchestrator '${instance.name}' returned no state`);
    }
    return { state };
  } catch (thrown) {
    if (thrown instanceof InvalidState) throw thrown;
    const error = thrown as Error;
    const mark = error.message.indexOf(OUT_OF_PROC_MARK);
    if (mark < 0) return { error };
    const json = error.message.slice(mark + OUT_OF_PROC_MARK.length);
    return { error, state: JSON.parse(json) as OrchestratorState };
  }
}

class InvalidState extends Error {}

/** Built by concatenation: the history is the big part, and it is JSON already. */
function triggerJson(hub: TaskHub, execution: Execution, newJson: string): string {
  const { instance, json, events } = execution;
  const { maximumShortTimerDuration, longRunningTimerIntervalDuration } = hub.options;
  const rest = JSON.stringify({
    instanceId: instance.id,
    isReplaying: events.length > 0,
    parentInstanceId: parentOf(instance)?.OrchestrationInstance.InstanceId ?? null,
    upperSchemaVersion: 1,
    upperSchemaVersionNew: 2, // V3; entity locks would need V4
    longRunningTimerIntervalDuration,
    maximumShortTimerDuration,
    defaultHttpAsyncRequestSleepTimeMillseconds: HTTP_POLL_MS, // spelled as the extension spells it
  });
  const history = json === "" ? newJson : `${json},${newJson}`;
  return `{"history":[${history}],"input":${instance.input ?? "null"},${rest.slice(1)}`;
}
