import type { Execution } from "./executions.ts";
import { LOG_CATEGORY } from "./options.ts";
import type { OrchestratorAnswer } from "./orchestrator-call.ts";
import type { Shim } from "./shim.ts";
import type { TaskHub } from "./task-hub.ts";

/**
 * Logs, once per execution, that an orchestration has come to a point from which it would never go on, here or on Azure. All are
 * ways in which durable-functions 3.5 and the extension disagree.
 */
export function warnIfStuck(
  { log }: TaskHub,
  execution: Execution,
  answer: OrchestratorAnswer,
  shim: Shim,
): void {
  if (execution.warned || shim.suspended) return;
  const reason = findReason(answer, shim);
  if (!reason) return;
  execution.warned = true;
  const { name, id } = execution.instance;
  log("warning", LOG_CATEGORY, `Orchestration ${id} would hang on Azure: ${reason}`, name);
}

function findReason({ state, error }: OrchestratorAnswer, shim: Shim): string | undefined {
  if (error && state && !state.error)
    return "it threw something without a message, which the extension does not see as a failure. Throw an Error with a text.";
  if (!state) return undefined;
  if (!state.isDone && !state.error && shim.isIdle)
    return "it waits for a task that will not complete again: a finished or already used task in Task.any or Task.all, or a retry that ended by retryTimeoutInMilliseconds. Give every Task.any and Task.all fresh tasks.";
  return undefined;
}
