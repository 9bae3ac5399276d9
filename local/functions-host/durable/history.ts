/**
 * History events as the Durable extension hands them to durable-functions 3.5 (DTFx `HistoryEvent`,
 * serialized with PascalCase names). Every event starts with EventType, EventId, IsPlayed.
 */
import { randomUUID } from "node:crypto";

export const EventType = {
  ExecutionStarted: 0,
  ExecutionCompleted: 1,
  ExecutionTerminated: 3,
  TaskScheduled: 4,
  TaskCompleted: 5,
  TaskFailed: 6,
  SubOrchestrationInstanceCreated: 7,
  SubOrchestrationInstanceCompleted: 8,
  SubOrchestrationInstanceFailed: 9,
  TimerCreated: 10,
  TimerFired: 11,
  OrchestratorStarted: 12,
  OrchestratorCompleted: 13,
  EventSent: 14,
  EventRaised: 15,
  ExecutionSuspended: 19,
  ExecutionResumed: 20,
} as const;

interface Common {
  EventId: number;
  IsPlayed: boolean;
  Timestamp: string;
}

interface InstanceName {
  InstanceId: string;
  ExecutionId: string;
}

export interface ParentLink {
  Name: string;
  OrchestrationInstance: InstanceName;
  TaskScheduleId: number;
  Version: string;
}

interface Start {
  OrchestrationInstance: InstanceName;
  ParentInstance: ParentLink | null;
  Name: string;
  Version: string;
  Input: string | null;
  Tags: null;
}

/** A completion's Result is JSON or null, never absent: the SDK hands it to JSON.parse. */
interface Success {
  TaskScheduledId: number;
  Result: string | null;
}

interface Failure {
  TaskScheduledId: number;
  /** Both must be strings, or the SDK throws an error of its own. */
  Reason: string;
  Details: string;
}

type Event<Name extends keyof typeof EventType, Fields = object> = {
  EventType: (typeof EventType)[Name];
} & Fields;

/** The fields of an event that depend on its type. */
export type EventBody =
  | Event<"ExecutionStarted", Start>
  | Event<"ExecutionCompleted", { OrchestrationStatus: string; Result: string | null }>
  | Event<"ExecutionTerminated", { Input: string }>
  | Event<"TaskScheduled", { Name: string; Version: string; Input: null }>
  | Event<
      "SubOrchestrationInstanceCreated",
      { Name: string; Version: string; InstanceId: string; Input: null }
    >
  | Event<"TaskCompleted" | "SubOrchestrationInstanceCompleted", Success>
  | Event<"TaskFailed" | "SubOrchestrationInstanceFailed", Failure>
  | Event<"TimerCreated", { FireAt: string }>
  | Event<"TimerFired", { TimerId: number; FireAt: string }>
  | Event<"OrchestratorStarted" | "OrchestratorCompleted">
  | Event<"EventSent", { InstanceId: string; Name: string; Input: string }>
  | Event<"EventRaised", { Name: string; Input: string | null }>
  | Event<"ExecutionSuspended" | "ExecutionResumed", { Reason: string }>;

export type HistoryEvent = Common & EventBody;

/** A complete event from its own fields; scheduling events get the id of what they schedule. */
export function newEvent(body: EventBody, at: number, eventId = -1): HistoryEvent {
  const { EventType: type, ...rest } = body;
  const common = { EventType: type, EventId: eventId, IsPlayed: false, Timestamp: isoTime(at) };
  return { ...common, ...rest } as HistoryEvent;
}

/** The JSON of an event once it lies in the past. IsPlayed precedes every field with user data. */
export const playedJson = (json: string): string =>
  json.replace('"IsPlayed":false', '"IsPlayed":true');

/** .NET writes seven fractional digits. */
export const isoTime = (at: number): string => new Date(at).toISOString().replace("Z", "0000Z");

/** Ids of instances and executions are GUIDs without dashes. */
export const newId = (): string => randomUUID().replaceAll("-", "");
