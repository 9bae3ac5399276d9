import type { z } from "zod";
import type { roundSummarySchema } from "../../../shared/contracts/reports.ts";
import { explained } from "../../domain/failures.ts";
import type { RoundRecord, TaskRecord } from "../../domain/records.ts";
import { roundWarnings } from "../../domain/rounds/roundWarnings.ts";
import type { Services } from "../../services.ts";
import { inParallel } from "../inParallel.ts";

type RoundSummary = z.infer<typeof roundSummarySchema>;

const MAX_ROUNDS = 100;

/** The newest rounds of a task, newest first. */
export async function listRounds(
  { rounds }: Services,
  { id, round: newest = -1 }: TaskRecord,
): Promise<RoundSummary[]> {
  const length = Math.min(newest + 1, MAX_ROUNDS);
  const found = new Map<number, RoundSummary>();
  const numbers = Array.from({ length }, (_, index) => newest - index);
  await inParallel(8, numbers, async (number) => {
    const round = await rounds.find(id, number);
    if (round) found.set(number, summaryOf(round));
  });
  return numbers.flatMap((number) => found.get(number) ?? []);
}

export function summaryOf(round: RoundRecord): RoundSummary {
  const { number, state, startedAt, endedAt, failure, scan } = round;
  const { migrated, skipped, failed, agents } = round;
  const { items, bytes, files, folders, issues } = scan;
  const warnings = roundWarnings(round);
  return {
    ...{ number, state, startedAt, migrated, skipped, failed, agents },
    scanned: { items, bytes, files, folders, issues },
    ...(endedAt && { endedAt }),
    ...(failure && { failure: explained(failure) }),
    ...(warnings.length > 0 && { warnings: warnings.map(explained) }),
  };
}
