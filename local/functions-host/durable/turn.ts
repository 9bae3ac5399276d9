import { BUILTIN_HTTP } from "./call-http.ts";
import { type Execution, planPause } from "./executions.ts";
import { warnIfStuck } from "./hang-warnings.ts";
import { EventType, newEvent } from "./history.ts";
import { type Message, removeRows } from "./mailboxes.ts";
import { OrchestrationFault } from "./orchestration-fault.ts";
import { callOrchestrator, type OrchestratorAnswer } from "./orchestrator-call.ts";
import type { Scheduled } from "./scheduled-operations.ts";
import { Shim } from "./shim.ts";
import type { TaskHub } from "./task-hub.ts";
import { commitTurn } from "./turn-commit.ts";

/** MS docs: durable-functions-custom-orchestration-status. */
const MAX_CUSTOM_STATUS_KB = 16;

/** How a turn ended the execution. `result` is JSON: the output, or the input of the next generation. */
export type Outcome =
  | { status: "Completed" | "ContinuedAsNew"; result: string | null }
  | { status: "Failed" | "Terminated"; reason: string; details: string };

/** What a turn found out, ready to be written. */
export interface TurnResult {
  now: number;
  /** What history gains before the orchestrator runs: the mark of the turn and the new messages. */
  started: readonly Pick<Message, "event" | "json">[];
  /** All messages that the turn consumes, outdated ones included. */
  mail: readonly Message[];
  shim: Shim;
  fresh: Scheduled[];
  outcome: Outcome | undefined;
  customStatus: unknown;
}

/**
 * One turn of an orchestration: replays it over its history plus the new messages, and commits
 * everything that follows in one transaction. Rejects if nothing was committed.
 */
export async function runTurn(hub: TaskHub, id: string, mail: Message[]): Promise<void> {
  if (mail.length === 0) return;
  const execution = hub.executions.load(id);
  const current = execution?.instance.execution;
  const live = mail.filter((message) => (message.execution ?? current) === current);
  if (!execution || live.length === 0) {
    return hub.store.commit(() => removeRows(hub.store, mail));
  }
  // A message may overtake the ExecutionStarted of a fresh generation, which always comes first.
  const isStart = ({ event }: Message) => event.EventType === EventType.ExecutionStarted;
  const ordered = live.toSorted((a, b) => Number(isStart(b)) - Number(isStart(a)));
  if (execution.events.length === 0 && !ordered.some(isStart)) {
    throw new Error(`${id} has mail, but its ExecutionStarted is missing`);
  }
  const began = performance.now();
  try {
    await commitTurn(hub, execution, await simulate(hub, execution, ordered, mail));
    planPause(execution, performance.now() - began);
  } catch (error) {
    hub.executions.forget(id);
    throw error;
  }
}

async function simulate(
  hub: TaskHub,
  execution: Execution,
  live: Message[],
  mail: readonly Message[],
): Promise<TurnResult> {
  const now = Date.now();
  const start = newEvent({ EventType: EventType.OrchestratorStarted }, now);
  const started = [{ event: start, json: JSON.stringify(start) }, ...live];
  hub.stats.turns++;
  hub.stats.replayedEvents += execution.events.length + started.length;

  const end = live.find(({ event }) => event.EventType === EventType.ExecutionTerminated);
  // Who is terminated is not run again: with an empty action list the walk would look non-deterministic.
  const answer = end
    ? ({} as OrchestratorAnswer)
    : await callOrchestrator(hub, execution, started.map(({ json }) => json).join(","));
  // Schema V1 has one inner array per yield; from V2 on there is exactly one.
  const shim = new Shim(execution.instance, answer.state?.actions.flat() ?? [], hub.options);
  let outcome: Outcome | undefined;
  let customStatus: unknown;
  try {
    customStatus = readCustomStatus(answer);
    if (end?.event.EventType === EventType.ExecutionTerminated) {
      outcome = { status: "Terminated", reason: end.event.Input, details: "" };
    } else if (!answer.state) {
      // Without a state there is nothing to walk: what history has would look non-deterministic.
      const { message = "", stack = "" } = answer.error ?? {};
      outcome = failed(execution.instance.name, message, stack);
    } else {
      for (const event of execution.events) shim.feed(event);
      for (const { event } of started) shim.feed(event);
      outcome = decide(execution.instance.name, answer, shim);
      if (!outcome) warnIfStuck(hub, execution, answer, shim);
    }
  } catch (error) {
    if (!(error instanceof OrchestrationFault)) throw error;
    outcome = { status: "Failed", reason: error.message, details: error.stack ?? "" };
  }
  const { fresh, fault } = checkFunctions(hub, execution, [...shim.fresh.values()]);
  return { now, started, mail, shim, fresh, outcome: fault ?? outcome, customStatus };
}

/** Throws an OrchestrationFault if it is longer than the extension takes. */
function readCustomStatus({ state }: OrchestratorAnswer): unknown {
  const size = Math.ceil((2 * (JSON.stringify(state?.customStatus)?.length ?? 0)) / 1024);
  if (size <= MAX_CUSTOM_STATUS_KB) return state?.customStatus;
  throw new OrchestrationFault(
    `The UTF-16 size of the JSON-serialized custom status must not exceed ${MAX_CUSTOM_STATUS_KB} KB. The current size is ${size} KB.`,
  );
}

/** The orchestration ends once the SDK is done *and* all its actions have been awaited. */
function decide(
  name: string,
  { state, error }: OrchestratorAnswer,
  shim: Shim,
): Outcome | undefined {
  if (!state || !shim.finished || shim.suspended) return undefined;
  if (state.error) {
    const details = `Message: ${state.error}, StackTrace: ${error?.stack ?? ""}`;
    return failed(name, state.error, details);
  }
  if (!state.isDone) return undefined;
  return shim.continuation
    ? { status: "ContinuedAsNew", result: toJson(shim.continuation.input) }
    : { status: "Completed", result: toJson(state.output) };
}

const failed = (name: string, message: string, details: string): Outcome => ({
  status: "Failed",
  reason: `Orchestrator function '${name}' failed: ${message}`,
  details,
});

const toJson = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value);

/** What nobody registered fails the whole orchestration at the call (the extension's ThrowIfFunctionDoesNotExist); user code cannot catch that. */
function checkFunctions(hub: TaskHub, { instance }: Execution, fresh: Scheduled[]) {
  for (const [index, item] of fresh.entries()) {
    const called = calledFunction(hub, item);
    if (called && !called.table.find(called.name)) {
      const fault = failed(instance.name, called.table.unknown(called.name), "");
      return { fresh: fresh.slice(0, index), fault };
    }
  }
  return { fresh, fault: undefined };
}

/** The function that an operation runs, and the table that should have it. */
function calledFunction(hub: TaskHub, item: Scheduled) {
  switch (item.kind) {
    case "task":
      return item.name === BUILTIN_HTTP ? undefined : { table: hub.activities, name: item.name };
    case "sub":
      return { table: hub.orchestrators, name: item.name };
    case "event":
      return { table: hub.entities, name: item.target.split("@")[1] ?? "" };
    case "timer":
      return undefined;
  }
}
