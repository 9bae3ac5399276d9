import type { Execution } from "./executions.ts";
import type { OrchestratorAnswer } from "./orchestrator-call.ts";
import type { Shim } from "./shim.ts";
import type { TaskHub } from "./task-hub.ts";

/**
 * Logs, once per execution, that an orchestration has come to a point from which it would never go
 * on, here or on Azure. All are ways in which durable-functions 3.5 and the extension disagree.
 */
export function warnIfStuck(
  hub: TaskHub,
  execution: Execution,
  answer: OrchestratorAnswer,
  shim: Shim,
): void {
  if (execution.warned || shim.suspended) return;
  const reason = findReason(answer, shim);
  if (!reason) return;
  execution.warned = true;
  const { name, id } = execution.instance;
  hub.log({
    level: "warning",
    category: "Host.Triggers.DurableTask",
    function: name,
    message: `Orchestration ${id} ('${name}') would hang on Azure: ${reason}`,
  });
}

function findReason({ state, error }: OrchestratorAnswer, shim: Shim): string | undefined {
  const { events, operations } = shim.waitingFor;
  if (error && state && !state.error) {
    return "it threw something without a message, which the extension does not see as a failure. Throw an Error with a text.";
  }
  if (!state) return undefined;
  const returned = state.isDone || state.error;
  if (returned && events.length > 0 && operations === 0) {
    return `its code has ended, but the extension still waits for the external event ${events.map((name) => `'${name}'`).join(", ")} of an earlier yield.`;
  }
  const idle = events.length === 0 && operations === 0 && shim.fresh.size === 0;
  if (!returned && idle) {
    return "it waits for a task that will not complete again: a finished or already used task in Task.any/Task.all, or a retry that ended by retryTimeoutInMilliseconds. Give every Task.any/all fresh tasks.";
  }
  return undefined;
}
