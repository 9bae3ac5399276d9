import type { SegmentSummary } from "../../../shared/contracts/inventory.ts";
import type { PackageRecord, WorkRecord } from "../../domain/records.ts";
import { addSegment } from "../../domain/rounds/roundTotals.ts";
import { Writes } from "../storage/documents.ts";
import { roundKey, type WorkId } from "./refs.ts";
import { isRunOf } from "./roundChecks.ts";
import { batches, packageRow, ROUND, type RoundRows, workRow } from "./roundRows.ts";

/** Who reports segments: the agent, and its lease as it is after the report, or undefined when it holds none. */
export interface Registrant {
  agent: string;
  renew: (work: WorkRecord) => WorkRecord | undefined;
}

/**
 * Registers segments that the holder of the scan's lease has written: package rows, the round's totals and the renewed lease
 * in one transaction. Only the next number in line counts, so what is repeated registers nothing. False when the agent does
 * not hold the lease any more, or when the run is over.
 */
export async function registerSegments(
  rows: RoundRows,
  id: WorkId,
  segments: readonly SegmentSummary[],
  by: Registrant,
): Promise<boolean> {
  for (const batch of batches(segments))
    if (!(await registerBatch(rows, id, batch, by))) return false;
  return true;
}

function registerBatch(
  rows: RoundRows,
  id: WorkId,
  segments: readonly SegmentSummary[],
  { agent, renew }: Registrant,
): Promise<boolean> {
  const partition = roundKey(id.taskId, id.round);
  return rows.inTurn(partition, async (look) => {
    const [foundRound, foundWork] = await Promise.all([
      look(rows.rounds, partition, ROUND),
      look(rows.work, partition, workRow(id.text)),
    ]);
    const work = foundWork && renew(structuredClone(foundWork.value));
    if (!foundRound || !foundWork || !work || !isRunOf(foundRound.value, id))
      return { result: false };
    const round = structuredClone(foundRound.value);
    const writes = new Writes(rows.table, partition);
    for (const summary of segments) {
      if (round.scan.finished || summary.segment !== round.scan.segments) continue;
      addSegment(round, summary);
      const fresh: PackageRecord = { summary, state: "scanned", attempt: 0, counted: 0 };
      writes.put(rows.packages, packageRow(summary.segment), fresh);
    }
    if (!round.agents.includes(agent)) round.agents.push(agent);
    // A walk that gets on may lose an agent now and then: it goes on from there, and lasts for days perhaps.
    if (round.scan.segments > foundRound.value.scan.segments) work.lost = 0;
    writes
      .replace(rows.rounds, ROUND, round, foundRound.etag)
      .replace(rows.work, workRow(id.text), work, foundWork.etag);
    return { result: true, writes };
  });
}
