import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { ScanResult } from "../../../shared/contracts/work.ts";
import type { RoundRecord, WorkRecord } from "../../domain/records.ts";
import { type Document, Writes } from "../storage/documents.ts";
import { roundKey, type UploadId, type WorkId } from "./refs.ts";
import { requirePlanned, requireRun, requireWork } from "./roundChecks.ts";
import { packageRow, ROUND, type RoundRows, workRow } from "./roundRows.ts";

/* A work item ends in one transaction with what it was for. */

/** Ends the scan and its work item together, when every segment is registered. `change` refuses who holds no lease. */
export function completeScan(
  rows: RoundRows,
  id: WorkId,
  { totalSegments, warnings }: Pick<ScanResult, "totalSegments" | "warnings">,
  change: (work: WorkRecord) => WorkRecord,
): Promise<void> {
  const partition = roundKey(id.taskId, id.round);
  return rows.inTurn(partition, async (look) => {
    const [foundRound, foundWork] = await Promise.all([
      look(rows.rounds, partition, ROUND),
      look(rows.work, partition, workRow(id.text)),
    ]);
    requireRun(foundRound?.value, id);
    const { value: round, etag } = foundRound as Document<RoundRecord>;
    const work = requireWork(foundWork, id);
    const done = change(structuredClone(work.value));
    if (round.scan.segments !== totalSegments)
      throw new LongshoreError(
        "CONFLICT",
        `the scan says ${totalSegments} segments, ${round.scan.segments} are registered`,
      );
    const { warnings: _before, ...rest } = round;
    const finished = {
      ...rest,
      scan: { ...round.scan, finished: true },
      ...(warnings?.length && { warnings }),
    };
    const writes = new Writes(rows.table, partition)
      .replace(rows.rounds, ROUND, finished, etag)
      .replace(rows.work, workRow(id.text), done, work.etag);
    return { result: undefined, writes };
  });
}

/** Ends an upload and notes in the package whose result counts, together. `change` refuses who holds no lease. */
export function completeUpload(
  rows: RoundRows,
  id: UploadId,
  agent: string,
  change: (work: WorkRecord) => WorkRecord,
): Promise<void> {
  const partition = roundKey(id.taskId, id.round);
  return rows.inTurn(partition, async (look) => {
    const [foundPackage, foundWork] = await Promise.all([
      look(rows.packages, partition, packageRow(id.segment)),
      look(rows.work, partition, workRow(id.text)),
    ]);
    const work = requireWork(foundWork, id);
    const done = change(structuredClone(work.value));
    const pkg = requirePlanned(foundPackage?.value, id);
    const uploaded = { ...pkg, agent, uploadEpoch: done.epoch };
    const writes = new Writes(rows.table, partition)
      .replace(rows.packages, packageRow(id.segment), uploaded, foundPackage?.etag as string)
      .replace(rows.work, workRow(id.text), done, work.etag);
    return { result: undefined, writes };
  });
}
