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

type Kind = typeof EventType;

interface Common {
  EventId: number;
  IsPlayed: boolean;
  Timestamp: string;
}

export interface ParentLink {
  Name: string;
  OrchestrationInstance: { InstanceId: string; ExecutionId: string };
  TaskScheduleId: number;
  Version: string;
}

interface Failure {
  TaskScheduledId: number;
  /** Both must be strings, or the SDK throws an error of its own. */
  Reason: string;
  Details: string;
}

/** A completion's Result is JSON or null, never absent: the SDK hands it to JSON.parse. */
interface Success {
  TaskScheduledId: number;
  Result: string | null;
}

export type HistoryEvent = Common &
  (
    | {
        EventType: Kind["ExecutionStarted"];
        OrchestrationInstance: { InstanceId: string; ExecutionId: string };
        ParentInstance: ParentLink | null;
        Name: string;
        Version: string;
        Input: string | null;
        Tags: null;
      }
    | {
        EventType: Kind["ExecutionCompleted"];
        OrchestrationStatus: string;
        Result: string | null;
      }
    | { EventType: Kind["ExecutionTerminated"]; Input: string }
    | { EventType: Kind["TaskScheduled"]; Name: string; Version: string; Input: null }
    | ({ EventType: Kind["TaskCompleted"] } & Success)
    | ({ EventType: Kind["TaskFailed"] } & Failure)
    | {
        EventType: Kind["SubOrchestrationInstanceCreated"];
        Name: string;
        Version: string;
        InstanceId: string;
        Input: null;
      }
    | ({ EventType: Kind["SubOrchestrationInstanceCompleted"] } & Success)
    | ({ EventType: Kind["SubOrchestrationInstanceFailed"] } & Failure)
    | { EventType: Kind["TimerCreated"]; FireAt: string }
    | { EventType: Kind["TimerFired"]; TimerId: number; FireAt: string }
    | { EventType: Kind["OrchestratorStarted"] | Kind["OrchestratorCompleted"] }
    | { EventType: Kind["EventSent"]; InstanceId: string; Name: string; Input: string }
    | { EventType: Kind["EventRaised"]; Name: string; Input: string | null }
    | { EventType: Kind["ExecutionSuspended"] | Kind["ExecutionResumed"]; Reason: string }
  );

type Body<E> = E extends HistoryEvent ? Omit<E, keyof Common> : never;
type EventBody = Body<HistoryEvent>;

/** A complete event from its own fields; scheduling events get the id of what they schedule. */
export function newEvent(body: EventBody, at: number, eventId = -1): HistoryEvent {
  const { EventType: type, ...rest } = body;
  const common = { EventType: type, EventId: eventId, IsPlayed: false, Timestamp: isoTime(at) };
  return { ...common, ...rest } as HistoryEvent;
}

/** The JSON of an event once it lies in the past. IsPlayed precedes every field with user data. */
export function playedJson(json: string): string {
  return json.replace('"IsPlayed":false', '"IsPlayed":true');
}

/** .NET writes seven fractional digits. */
export function isoTime(at: number): string {
  return new Date(at).toISOString().replace("Z", "0000Z");
}

/** Ids of instances and executions are GUIDs without dashes. */
export const newId = (): string => randomUUID().replaceAll("-", "");
