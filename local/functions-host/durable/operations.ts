import {
  type EventBody,
  EventType,
  type HistoryEvent,
  isoTime,
  newEvent,
  type ParentLink,
} from "./history.ts";
import { createInstance, type Instance, InstanceExists } from "./instances.ts";
import { type Message, post } from "./mailboxes.ts";
import type { Scheduled } from "./scheduled-operations.ts";
import type { Store } from "./store.ts";
import type { ActivityTask, TaskHub } from "./task-hub.ts";

/** What a transaction started, and what becomes visible only once it is on disk. */
export interface Effects {
  messages: Message[];
  tasks: ActivityTask[];
}

/** Writes one new operation and returns the history event that records it. */
export function schedule(
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
      const fields = { instance: id, execution, task, name, input };
      effects.tasks.push({ row: store.insert("activities", fields), ...fields });
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
  const { id: task, name, input, version = hub.options.defaultVersion } = operation;
  const InstanceId = operation.instanceId || `${parent.execution}:${task}`;
  const link: ParentLink = {
    Name: parent.name,
    OrchestrationInstance: { InstanceId: parent.id, ExecutionId: parent.execution },
    TaskScheduleId: task,
    Version: "",
  };
  try {
    const json = input === undefined || input === null ? null : JSON.stringify(input);
    const child = { id: InstanceId, name, version, input: json, parent: JSON.stringify(link) };
    effects.messages.push(createInstance(store, child));
  } catch (error) {
    if (!(error instanceof InstanceExists)) throw error;
    const outcome = { reason: error.message, details: "" };
    effects.messages.push(postSubOutcome(store, parent, task, outcome));
  }
  const EventKind = EventType.SubOrchestrationInstanceCreated;
  const body = { EventType: EventKind, Name: name, Version: version, InstanceId, Input: null };
  return newEvent(body, now, task);
}

/** Tells a parent how its sub-orchestration ended. */
export function postSubOutcome(
  store: Store,
  { id, execution }: { id: string; execution: string },
  TaskScheduledId: number,
  outcome: { result: string | null } | { reason: string; details: string },
): Message {
  const body: EventBody =
    "reason" in outcome
      ? {
          EventType: EventType.SubOrchestrationInstanceFailed,
          TaskScheduledId,
          Reason: outcome.reason,
          Details: outcome.details,
        }
      : {
          EventType: EventType.SubOrchestrationInstanceCompleted,
          TaskScheduledId,
          Result: outcome.result,
        };
  return post(store, id, newEvent(body, Date.now()), { execution });
}

/** The SDK quotes string inputs itself; everything else it leaves as a value. */
function activityInput(input: unknown): string | null {
  if (input === undefined || input === null) return null;
  return typeof input === "string" ? input : JSON.stringify(input);
}
