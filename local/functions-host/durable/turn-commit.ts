import { appendHistory, type Execution } from "./executions.ts";
import { EventType, type HistoryEvent, newEvent, newId, playedJson } from "./history.ts";
import { type Instance, isFinished, parentOf, postExecutionStarted } from "./instances.ts";
import { type Message, post, removeRows } from "./mailboxes.ts";
import { type Effects, postSubOutcome, schedule } from "./operations.ts";
import { LOG_CATEGORY } from "./options.ts";
import type { TaskHub } from "./task-hub.ts";
import type { Outcome, TurnResult } from "./turn.ts";

interface Written extends Effects {
  instance: Instance;
  /** What history gained: events, and the same as JSON joined by commas. */
  events: HistoryEvent[];
  json: string;
  /** First mail of the next generation, if the orchestrator continued as new. */
  nextGeneration?: Message[];
}

/** Writes a turn in one transaction, then starts what it scheduled. */
export async function commitTurn(
  hub: TaskHub,
  execution: Execution,
  result: TurnResult,
): Promise<void> {
  const written = await hub.store.commit(() => writeTurn(hub, execution.instance, result));
  const { instance, nextGeneration } = written;
  execution.instance = instance;
  logFailure(hub, instance, result.outcome);
  if (nextGeneration) {
    Object.assign(execution, { events: [], json: "" });
    hub.mailboxes.putBack(instance.id, nextGeneration);
  } else if (isFinished(instance.status)) {
    hub.executions.forget(instance.id);
    hub.mailboxes.discard(instance.id);
  } else appendHistory(execution, written.events, written.json);
  for (const task of written.tasks) hub.startActivity(task);
  hub.mailboxes.deliver(written.messages);
}

function writeTurn(hub: TaskHub, instance: Instance, result: TurnResult): Written {
  const { now, started, shim, outcome } = result;
  const effects: Effects = { messages: [], tasks: [] };
  const scheduled = result.fresh.map((operation) =>
    schedule(hub, instance, operation, now, effects),
  );
  const custom_status =
    result.customStatus === undefined
      ? instance.custom_status
      : JSON.stringify(result.customStatus);
  const current: Instance = { ...instance, custom_status, updated: now };
  if (outcome?.status === "ContinuedAsNew") {
    return continueAsNew(hub, { ...current, input: outcome.result }, result, effects);
  }

  removeRows(hub.store, result.mail);
  const added = [...scheduled, newEvent({ EventType: EventType.OrchestratorCompleted }, now)];
  if (outcome) {
    const Result = "reason" in outcome ? outcome.reason : outcome.result;
    const body = {
      EventType: EventType.ExecutionCompleted,
      OrchestrationStatus: outcome.status,
      Result,
    };
    added.push(newEvent(body, now, shim.nextId));
    effects.messages.push(...notifyParent(hub, instance, outcome));
    // Timers that nobody waits for any more.
    hub.store.run("DELETE FROM inbox WHERE target=?", instance.id);
  }
  const json = [...started.map((message) => message.json), ...added.map((e) => JSON.stringify(e))]
    .map(playedJson)
    .join(",");
  const { id, turns } = instance;
  hub.store.insert("history", { id, turn: turns, events: json });
  Object.assign(current, {
    status: outcome?.status ?? (shim.suspended ? "Suspended" : "Running"),
    output: outcome ? outputOf(outcome) : null,
    turns: turns + 1,
  });
  updateInstance(hub, current);
  const events = [...started.map(({ event }) => event), ...added];
  return { ...effects, instance: current, events, json };
}

/** Drops the history and begins the next generation with the events that came too late for this one. */
function continueAsNew(
  hub: TaskHub,
  current: Instance,
  { now, mail, shim }: TurnResult,
  effects: Effects,
): Written {
  const { store } = hub;
  const { id, execution } = current;
  const instance: Instance = { ...current, execution: newId(), status: "Running", turns: 0 };
  const kept = new Set(mail.filter(({ event }) => shim.carried.includes(event)));
  removeRows(
    store,
    mail.filter((message) => !kept.has(message)),
  );
  store.run("DELETE FROM history WHERE id=?", id);
  store.run("DELETE FROM inbox WHERE target=? AND execution=?", id, execution);
  updateInstance(hub, instance);
  const first = postExecutionStarted(store, instance, now);
  // Events of a suspension are in history by now; the next generation needs them as messages.
  const carried = shim.carried.map(
    (event) => mail.find((message) => message.event === event) ?? post(store, id, event),
  );
  return { ...effects, instance, events: [], json: "", nextGeneration: [first, ...carried] };
}

const outputOf = (outcome: Outcome): string | null =>
  "reason" in outcome ? JSON.stringify(outcome.reason) : outcome.result;

function updateInstance({ store }: TaskHub, instance: Instance): void {
  store.run(
    "UPDATE instances SET execution=?, input=?, output=?, custom_status=?, status=?, updated=?, turns=? WHERE id=?",
    instance.execution,
    instance.input,
    instance.output,
    instance.custom_status,
    instance.status,
    instance.updated,
    instance.turns,
    instance.id,
  );
}

function notifyParent(hub: TaskHub, instance: Instance, outcome: Outcome): Message[] {
  const parent = parentOf(instance);
  if (!parent) return [];
  const { InstanceId: id, ExecutionId: execution } = parent.OrchestrationInstance;
  return [postSubOutcome(hub.store, { id, execution }, parent.TaskScheduleId, outcome)];
}

function logFailure({ log }: TaskHub, { id, name }: Instance, outcome: Outcome | undefined): void {
  if (outcome?.status !== "Failed") return;
  log("error", LOG_CATEGORY, `orchestration ${id} failed: ${outcome.reason}`, name);
}
