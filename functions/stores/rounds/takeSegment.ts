import { survivesRestart } from "../../domain/packages/packageStates.ts";
import type { LaneRecord, RoundRecord } from "../../domain/records.ts";
import { type Document, Writes } from "../storage/documents.ts";
import { type RunRef, roundKey } from "./refs.ts";
import { requireRun } from "./roundChecks.ts";
import { laneRow, ROUND, type RoundRows } from "./roundRows.ts";

/** Who takes a segment wants the next one that is not recorded, which is seldom far away. */
const SEGMENTS_AT_A_GLANCE = 50;

/** A lane that asks for a segment; `sequence` counts its requests. */
export interface AskingLane {
  number: number;
  sequence: number;
  instance: string;
}
/** A segment, or that there is none yet, or none any more. */
export type TakenSegment = { segment: number } | "wait" | "done";

/**
 * Hands a lane its next segment; a request that is repeated gets the same answer. Packages that an earlier run recorded are
 * passed over; a round that pauses hands out none, a cancelled one only those of which SharePoint has a job.
 */
export function takeSegment(rows: RoundRows, ref: RunRef, lane: AskingLane): Promise<TakenSegment> {
  const partition = roundKey(ref.taskId, ref.round);
  return rows.inTurn<TakenSegment>(partition, async (look) => {
    const [foundRound, held] = await Promise.all([
      look(rows.rounds, partition, ROUND),
      rows.lanes.get(partition, laneRow(lane.number)),
    ]);
    requireRun(foundRound?.value, ref);
    const { value: round, etag } = foundRound as Document<RoundRecord>;
    const mine = held?.value.run === ref.run && held.value.sequence === lane.sequence;
    if (mine && held.value.segment !== undefined)
      return { result: { segment: held.value.segment } };

    if (round.wish === "pause") return { result: "done" };
    const segment = await nextSegment(rows, round);
    if (segment === undefined && (round.scan.finished || round.wish)) return { result: "done" };
    const record: LaneRecord = {
      run: ref.run,
      sequence: lane.sequence,
      instance: lane.instance,
      ...(segment !== undefined && { segment }),
    };
    round.nextSegment = segment === undefined ? round.scan.segments : segment + 1;
    const writes = new Writes(rows.table, partition)
      .put(rows.lanes, laneRow(lane.number), record)
      .replace(rows.rounds, ROUND, round, etag);
    return { result: segment === undefined ? "wait" : { segment }, writes };
  });
}

/** The next segment in line that has something left to be done. */
async function nextSegment(
  rows: RoundRows,
  { taskId, number, nextSegment: from, wish }: RoundRecord,
): Promise<number | undefined> {
  const ahead = { from, pageSize: SEGMENTS_AT_A_GLANCE };
  for await (const { segment, value } of rows.listPackages(taskId, number, ahead)) {
    if (value.state === "recorded") continue;
    // What is cancelled and not at SharePoint needs no lane.
    if (wish && !survivesRestart(value.state)) continue;
    return segment;
  }
  return undefined;
}
