import type { RoundRecord, TaskRecord } from "../../domain/records.ts";
import type { RoundStore } from "../../stores/rounds.ts";

/** The newest round of a task that has begun: one that waits for its turn has a number, but no row yet. */
export async function newestRound(
  { rounds }: { rounds: RoundStore },
  { id, round, lastRound }: TaskRecord,
): Promise<RoundRecord | undefined> {
  const newest = round === undefined ? undefined : await rounds.find(id, round);
  return newest ?? (lastRound && rounds.find(id, lastRound.number));
}
