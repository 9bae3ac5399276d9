import { parseTimeSpan } from "../host-config.ts";

export const LOG_CATEGORY = "Host.Triggers.DurableTask";

/** `extensions.durableTask` of host.json, with the extension's defaults for a machine of two cores or more. */
export interface DurableOptions {
  hubName: string;
  maxConcurrentActivityFunctions: number;
  maxConcurrentOrchestratorFunctions: number;
  maxOrchestrationActions: number;
  /** `context.df.version` of orchestrations that are started without one. */
  defaultVersion: string;
  maxEntityOperationBatchSize: number;
  /** .NET TimeSpan texts; the SDK needs both from schema V3 on. */
  maximumShortTimerDuration: string;
  longRunningTimerIntervalDuration: string;
}

const DEFAULTS: DurableOptions = {
  hubName: "TestHubName",
  maxConcurrentActivityFunctions: 20,
  maxConcurrentOrchestratorFunctions: 20,
  maxOrchestrationActions: 100_000,
  defaultVersion: "",
  maxEntityOperationBatchSize: 5000,
  maximumShortTimerDuration: "6.00:00:00",
  longRunningTimerIntervalDuration: "3.00:00:00",
};

/** Reads the options; unknown ones are ignored (storage providers have dozens). */
export const readDurableOptions = (section: Partial<DurableOptions> = {}): DurableOptions => ({
  ...DEFAULTS,
  ...section,
});

export function timeSpan(text: string): number {
  const milliseconds = parseTimeSpan(text);
  if (milliseconds === undefined) {
    throw new Error(`host.json: "${text}" is not a TimeSpan such as 3.00:00:00`);
  }
  return milliseconds;
}
