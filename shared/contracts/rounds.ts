import { z } from "zod";
import { resultAmounts, scannedAmount, stageAmounts } from "./amounts.ts";
import { issueSchema } from "./inventory.ts";

export const ROUND_STATES = [
  "InProgress",
  "Paused",
  "Cancelled",
  "Completed",
  "CompletedWithErrors",
  "Failed",
] as const;

/** Why something failed as a whole: what was seen, and what the code means and asks for. */
export const failureSchema = issueSchema.extend({ cause: z.string(), remedy: z.string() });
export type Failure = z.infer<typeof failureSchema>;

/** A round as it is shown: what each stage has behind it, and what became of the items. */
export const roundViewSchema = z.object({
  number: z.number().int().nonnegative(),
  state: z.enum(ROUND_STATES),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  /** Why the round as a whole failed. */
  failure: failureSchema.optional(),
  /** What keeps no item back and yet is to be known: the source has no snapshots, the library keeps no versions. */
  warnings: z.array(failureSchema).optional(),
  /** What the round waits for, if nothing moves ("group default has no connected agent"). */
  waitingFor: z.string().optional(),
  /** How far the round is, by the formula of functions/domain/rounds/progress.ts; of what has been found so far while the scan goes on. */
  progress: z.object({
    percent: z.number().int().min(0).max(100),
    /** Of the last minutes, in all stages together; absent while nothing runs. Items have two decimals. */
    rate: z.object({ itemsPerSecond: z.number(), bytesPerSecond: z.number().int() }).optional(),
    /** Until the round is through, once the whole source is known. */
    secondsLeft: z.number().int().optional(),
  }),
  scanFinished: z.boolean(),
  scanned: z.object(scannedAmount),
  ...stageAmounts,
  ...resultAmounts,
});
export type RoundView = z.infer<typeof roundViewSchema>;

/** What lists show of a task's newest round that is over, or was paused. */
export const lastRoundSchema = z.object({
  number: z.number().int().nonnegative(),
  state: z.enum(ROUND_STATES),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  ...resultAmounts,
});
export type LastRound = z.infer<typeof lastRoundSchema>;
