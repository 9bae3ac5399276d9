/** What an orchestrator invocation of durable-functions 3.5 returns (the out-of-process schema, V2 and up). */

import type { HttpRequest } from "./call-http.ts";

export const ActionType = {
  CallActivity: 0,
  CallActivityWithRetry: 1,
  CallSubOrchestrator: 2,
  CallSubOrchestratorWithRetry: 3,
  ContinueAsNew: 4,
  CreateTimer: 5,
  WaitForExternalEvent: 6,
  CallEntity: 7,
  CallHttp: 8,
  SignalEntity: 9,
  ScheduledSignalEntity: 10,
  WhenAny: 11,
  WhenAll: 12,
} as const;

type Kind = typeof ActionType;

export interface RetryPolicy {
  firstRetryIntervalInMilliseconds: number;
  maxNumberOfAttempts: number;
  backoffCoefficient?: number;
  maxRetryIntervalInMilliseconds?: number;
  retryTimeoutInMilliseconds?: number;
}

interface Activity {
  functionName: string;
  input?: unknown;
}

export interface SubOrchestrator extends Activity {
  instanceId?: string;
  version?: string;
}

interface EntityOperation {
  instanceId: string;
  operation: string;
  input?: unknown;
}

export interface EntityName {
  name: string;
  key: string;
}

export type Action =
  | ({ actionType: Kind["CallActivity"] } & Activity)
  | ({ actionType: Kind["CallActivityWithRetry"]; retryOptions: RetryPolicy } & Activity)
  | ({ actionType: Kind["CallSubOrchestrator"] } & SubOrchestrator)
  | ({ actionType: Kind["CallSubOrchestratorWithRetry"] } & SubOrchestrator & {
        retryOptions: RetryPolicy;
      })
  | { actionType: Kind["ContinueAsNew"]; input?: unknown }
  | { actionType: Kind["CreateTimer"]; fireAt: string; isCanceled: boolean }
  | { actionType: Kind["WaitForExternalEvent"]; externalEventName: string }
  | ({ actionType: Kind["CallEntity"] | Kind["SignalEntity"] } & EntityOperation)
  | ({ actionType: Kind["ScheduledSignalEntity"]; fireAt: string } & EntityOperation)
  | { actionType: Kind["CallHttp"]; httpRequest: HttpRequest }
  | { actionType: Kind["WhenAny"] | Kind["WhenAll"]; compoundActions: Action[] };

export interface OrchestratorState {
  isDone: boolean;
  /** From V2 on exactly one inner array: every action since the execution began. */
  actions: Action[][];
  output?: unknown;
  customStatus?: unknown;
  error?: string;
  schemaVersion: number;
}

/** An entity message on its way (DTFx `RequestMessage`); the Input of an EventRaised named `op`. */
export interface EntityRequest {
  op: string;
  id: string;
  signal?: boolean;
  input?: string;
  parent?: string;
  parentExecution?: string;
  due?: string;
}

/** Scheduler id of an entity; names are lower-cased by the extension. */
export const entityId = ({ name, key }: EntityName): string => `@${name.toLowerCase()}@${key}`;
