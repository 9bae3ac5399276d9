import type { ExternalEvents } from "./external-events.ts";
import type { DurableOptions } from "./options.ts";
import type { ScheduledOperations } from "./scheduled-operations.ts";

/** An execution as far as it is replayed: what its actions find when their turn comes. */
export interface Replay {
  readonly instance: { id: string; execution: string };
  readonly options: DurableOptions;
  readonly operations: ScheduledOperations;
  readonly events: ExternalEvents;
  /** The orchestrator's time, in milliseconds. */
  now: number;
  /** The input of the next generation, if the orchestrator continues as new. */
  continuation: { input: unknown } | undefined;
}
