import type { PackageRecord, RoundRecord } from "../../domain/records.ts";
import { type Document, retryConflicts, Writes } from "../storage/documents.ts";
import { type RunRef, roundKey } from "./refs.ts";
import { requireRun, requireUnopened } from "./roundChecks.ts";
import { batches, packageRow, ROUND, type RoundRows } from "./roundRows.ts";

/**
 * Replaces package rows, or removes those without a value, while the round is not open yet. A second run that opens the
 * same round in the meantime is refused by the round's row, which is part of every write.
 */
export async function mendPackages(
  rows: RoundRows,
  ref: RunRef,
  changes: readonly { segment: number; value?: PackageRecord }[],
): Promise<void> {
  const partition = roundKey(ref.taskId, ref.round);
  for (const batch of batches(changes))
    await retryConflicts(async () => {
      const found = await rows.rounds.get(partition, ROUND);
      requireRun(found?.value, ref);
      requireUnopened(found?.value as RoundRecord);
      const writes = new Writes(rows.table, partition);
      for (const { segment, value } of batch)
        if (value) writes.put(rows.packages, packageRow(segment), value);
        else writes.remove(packageRow(segment));
      const { value, etag } = found as Document<RoundRecord>;
      await writes.replace(rows.rounds, ROUND, value, etag).commit();
    });
}
