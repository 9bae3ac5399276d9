import { createHash } from "node:crypto";
import { type Action, ActionType, type EntityRequest, type SubOrchestrator } from "./actions.ts";
import { callHttp, createTimer, retry } from "./chained-steps.ts";
import { OrchestrationFault } from "./orchestration-fault.ts";
import type { Replay } from "./replay.ts";
import { all, any, Step } from "./step.ts";

/** Does one action of the orchestrator and returns what it waits for. */
export function perform(replay: Replay, action: Action): Step {
  switch (action.actionType) {
    case ActionType.CallActivity:
      return callActivity(replay, action);
    case ActionType.CallActivityWithRetry:
      return retry(replay, () => callActivity(replay, action), action.retryOptions);
    case ActionType.CallSubOrchestrator:
      return callSub(replay, action);
    case ActionType.CallSubOrchestratorWithRetry:
      return retry(replay, () => callSub(replay, action), action.retryOptions);
    case ActionType.CreateTimer:
      return createTimer(replay, Date.parse(action.fireAt), action.isCanceled);
    case ActionType.WaitForExternalEvent:
      return replay.events.waitFor(action.externalEventName);
    case ActionType.CallEntity: {
      const id = nextGuid(replay);
      const request = entityRequest(replay, action.operation, action.input, id);
      replay.operations.send(action.instanceId, "op", request);
      return replay.events.waitFor(id);
    }
    case ActionType.SignalEntity:
      return signal(replay, action);
    case ActionType.ScheduledSignalEntity:
      return signal(replay, action, action.fireAt);
    case ActionType.CallHttp:
      return callHttp(replay, action.httpRequest);
    case ActionType.ContinueAsNew:
      replay.continuation = { input: action.input };
      return Step.completed();
    case ActionType.WhenAll:
      return all(action.compoundActions.map((child) => perform(replay, child)));
    case ActionType.WhenAny:
      return any(action.compoundActions.map((child) => perform(replay, child)));
    default: {
      const { actionType } = action as { actionType: unknown };
      throw new OrchestrationFault(
        `Received an unexpected action type from the out-of-proc function: '${actionType}'.`,
      );
    }
  }
}

function callActivity(
  replay: Replay,
  { functionName, input }: { functionName: string; input?: unknown },
): Step {
  return replay.operations.start({ kind: "task", name: functionName, input });
}

function callSub(replay: Replay, { functionName: name, input, ...rest }: SubOrchestrator): Step {
  if (rest.instanceId?.startsWith("@")) {
    throw new OrchestrationFault("Orchestration instance ids must not start with '@'.");
  }
  return replay.operations.start({ kind: "sub", name, input, ...rest });
}

function signal(
  replay: Replay,
  action: { instanceId: string; operation: string; input?: unknown },
  due?: string,
): Step {
  const asked = entityRequest(replay, action.operation, action.input, nextGuid(replay));
  const request = { ...asked, signal: true, ...(due ? { due } : {}) };
  replay.operations.send(action.instanceId, "op", request);
  return Step.completed();
}

function entityRequest(replay: Replay, op: string, input: unknown, id: string): EntityRequest {
  const { id: parent, execution: parentExecution } = replay.instance;
  const request: EntityRequest = { op, id, parent, parentExecution };
  if (input !== undefined && input !== null) request.input = JSON.stringify(input);
  return request;
}

/** The same guid in every replay, because history knows the answer by it. */
function nextGuid({ instance, operations }: Replay): string {
  const seed = `${instance.id}_${instance.execution}_${operations.nextId}`;
  const h = createHash("sha1").update(seed).digest("hex");
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-5${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
}
