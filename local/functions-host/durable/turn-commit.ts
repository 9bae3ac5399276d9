import { appendHistory, type Execution } from "./executions.ts";
import { EventType, type HistoryEvent, isoTime, newEvent, newId, playedJson } from "./history.ts";
import {
  createInstance,
  type Instance,
  InstanceExists,
  isFinished,
  parentOf,
  postExecutionStarted,
} from "./instances.ts";
import { type Message, post, removeRows } from "./mailboxes.ts";
import type { Scheduled } from "./shim.ts";
import type { ActivityTask, TaskHub } from "./task-hub.ts";
import type { TurnResult } from "./turn.ts";

/** What becomes visible once the transaction is on disk. */
interface Effects {
  messages: Message[];
  tasks: ActivityTask[];
  events: HistoryEvent[];
  json: string[];
  instance: Instance;
  /** First mail of the next generation, if the orchestrator continued as new. */
  nextGeneration?: Message[];
}

/** Writes a turn in one transaction, then starts what it scheduled. */
export async function commitTurn(
  hub: TaskHub,
  execution: Execution,
  result: TurnResult,
): Promise<void> {
  const effects = await hub.store.commit(() => writeTurn(hub, execution.instance, result));
  const { instance, nextGeneration } = effects;
  execution.instance = instance;
  if (result.outcome?.status === "Failed") {
    hub.log({
      level: "error",
      category: "Host.Triggers.DurableTask",
      function: instance.name,
      message: `orchestration ${instance.id} failed: ${result.outcome.reason}`,
    });
  }
  if (nextGeneration) {
    Object.assign(execution, { events: [], json: "", warned: false });
    hub.mailboxes.putBack(instance.id, nextGeneration);
  } else if (isFinished(instance.status)) {
    hub.executions.forget(instance.id);
    hub.mailboxes.discard(instance.id);
  } else appendHistory(execution, effects.events, effects.json);
  hub.startActivities(effects.tasks);
  hub.mailboxes.deliver(effects.messages);
}

function writeTurn(hub: TaskHub, instance: Instance, result: TurnResult): Effects {
  const { store } = hub;
  const { now, started, mail, shim, outcome } = result;
  const kept = new Set(started.filter(({ event }) => shim.carried.includes(event)));
  removeRows(store, kept.size > 0 ? mail.filter((message) => !kept.has(message)) : mail);

  const effects: Effects = { messages: [], tasks: [], events: [], json: [], instance };
  const append = (event: HistoryEvent, json = JSON.stringify(event)) => {
    effects.events.push({ ...event, IsPlayed: true });
    effects.json.push(playedJson(json));
  };
  for (const { event, json } of started) append(event, json);
  for (const operation of result.fresh) {
    append(schedule(hub, instance, operation, now, effects));
  }
  const custom_status =
    result.customStatus === undefined
      ? instance.custom_status
      : JSON.stringify(result.customStatus);

  if (outcome?.status === "ContinuedAsNew") {
    const { input } = outcome;
    const next: Instance = { ...instance, execution: newId(), input, custom_status };
    Object.assign(next, { status: "Running", updated: now, next_seq: 0 });
    store.run("DELETE FROM history WHERE id=?", instance.id);
    store.run("DELETE FROM inbox WHERE target=? AND execution=?", instance.id, instance.execution);
    updateInstance(hub, next);
    const first = postExecutionStarted(store, next, parentOf(next), now);
    // Events of a suspension are in history by now; the next generation needs them as messages.
    const carried = shim.carried.map(
      (event) => started.find((item) => item.event === event) ?? post(store, instance.id, event),
    );
    return { ...effects, instance: next, nextGeneration: [first, ...carried] };
  }

  append(newEvent({ EventType: EventType.OrchestratorCompleted }, now));
  let output: string | null = null;
  if (outcome) {
    const text = outcome.status === "Completed" ? outcome.output : outcome.reason;
    output = outcome.status === "Completed" ? outcome.output : JSON.stringify(outcome.reason);
    const { status: OrchestrationStatus } = outcome;
    append(
      newEvent(
        { EventType: EventType.ExecutionCompleted, OrchestrationStatus, Result: text },
        now,
        shim.nextId,
      ),
    );
    notifyParent(hub, instance, result, effects);
    store.run("DELETE FROM inbox WHERE target=?", instance.id); // timers that nobody waits for
  }
  let seq = instance.next_seq;
  for (const json of effects.json) {
    store.run("INSERT INTO history(id,seq,event) VALUES(?,?,?)", instance.id, seq++, json);
  }
  const status = outcome?.status ?? (shim.suspended ? "Suspended" : "Running");
  const updated: Instance = { ...instance, status, output, custom_status, updated: now };
  updated.next_seq = seq;
  updateInstance(hub, updated);
  return { ...effects, instance: updated };
}

function updateInstance({ store }: TaskHub, instance: Instance): void {
  store.run(
    "UPDATE instances SET execution=?, input=?, output=?, custom_status=?, status=?, updated=?, next_seq=? WHERE id=?",
    instance.execution,
    instance.input,
    instance.output,
    instance.custom_status,
    instance.status,
    instance.updated,
    instance.next_seq,
    instance.id,
  );
}

/** Writes one new operation and returns the history event that records it. */
function schedule(
  hub: TaskHub,
  instance: Instance,
  operation: Scheduled,
  now: number,
  effects: Effects,
): HistoryEvent {
  const { store } = hub;
  const { id, execution } = instance;
  switch (operation.kind) {
    case "task": {
      const { id: task, name } = operation;
      const input = activityInput(operation.input);
      const row = store.run(
        "INSERT INTO activities(instance,execution,task,name,input) VALUES(?,?,?,?,?)",
        id,
        execution,
        task,
        name,
        input,
      );
      effects.tasks.push({ row, instance: id, execution, task, name, input });
      const body = { EventType: EventType.TaskScheduled, Name: name, Version: "", Input: null };
      return newEvent(body, now, task);
    }
    case "timer": {
      const { id: TimerId, fireAt: due } = operation;
      const FireAt = isoTime(due);
      const fired = newEvent({ EventType: EventType.TimerFired, TimerId, FireAt }, due);
      effects.messages.push(post(store, id, fired, { execution, due }));
      return newEvent({ EventType: EventType.TimerCreated, FireAt }, now, TimerId);
    }
    case "event": {
      const { target, name: Name, payload } = operation;
      const Input = JSON.stringify(payload);
      const due = "due" in payload ? Date.parse(String(payload.due)) : 0;
      const raised = newEvent({ EventType: EventType.EventRaised, Name, Input }, now);
      effects.messages.push(post(store, target, raised, { due }));
      const body = { EventType: EventType.EventSent, InstanceId: target, Name, Input };
      return newEvent(body, now, operation.id);
    }
    case "sub":
      return scheduleSub(hub, instance, operation, now, effects);
  }
}

function scheduleSub(
  hub: TaskHub,
  parent: Instance,
  operation: Extract<Scheduled, { kind: "sub" }>,
  now: number,
  effects: Effects,
): HistoryEvent {
  const { store } = hub;
  const { id: task, name, version = "", input } = operation;
  const InstanceId = operation.instanceId || `${parent.execution}:${task}`;
  const link = {
    Name: parent.name,
    OrchestrationInstance: { InstanceId: parent.id, ExecutionId: parent.execution },
    TaskScheduleId: task,
    Version: "",
  };
  const fail = (Reason: string) =>
    effects.messages.push(postSubFailed(hub, parent.id, parent.execution, task, Reason, "", now));
  if (!hub.orchestrators.find(name)) fail(hub.orchestrators.unknown(name));
  else {
    try {
      const json = input === undefined || input === null ? null : JSON.stringify(input);
      const child = { id: InstanceId, name, version, input: json, parent: link };
      effects.messages.push(createInstance(store, child));
    } catch (error) {
      if (!(error instanceof InstanceExists)) throw error;
      fail(error.message);
    }
  }
  const EventKind = EventType.SubOrchestrationInstanceCreated;
  const body = { EventType: EventKind, Name: name, Version: version, InstanceId, Input: null };
  return newEvent(body, now, task);
}

function notifyParent(
  hub: TaskHub,
  instance: Instance,
  { now, outcome }: TurnResult,
  effects: Effects,
): void {
  const parent = parentOf(instance);
  if (!parent || !outcome || outcome.status === "ContinuedAsNew") return;
  const { TaskScheduleId: task } = parent;
  const { InstanceId, ExecutionId: execution } = parent.OrchestrationInstance;
  if (outcome.status === "Completed") {
    const EventKind = EventType.SubOrchestrationInstanceCompleted;
    const body = { EventType: EventKind, TaskScheduledId: task, Result: outcome.output };
    effects.messages.push(post(hub.store, InstanceId, newEvent(body, now), { execution }));
    return;
  }
  const details = outcome.status === "Failed" ? outcome.details : "";
  effects.messages.push(
    postSubFailed(hub, InstanceId, execution, task, outcome.reason, details, now),
  );
}

function postSubFailed(
  { store }: TaskHub,
  target: string,
  execution: string,
  TaskScheduledId: number,
  Reason: string,
  Details: string,
  now: number,
): Message {
  const EventKind = EventType.SubOrchestrationInstanceFailed;
  const event = newEvent({ EventType: EventKind, TaskScheduledId, Reason, Details }, now);
  return post(store, target, event, { execution });
}

/** The SDK quotes string inputs itself; everything else it leaves as a value. */
function activityInput(input: unknown): string | null {
  if (input === undefined || input === null) return null;
  return typeof input === "string" ? input : JSON.stringify(input);
}
