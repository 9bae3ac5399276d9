import { odata, type TableClient } from "@azure/data-tables";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { SegmentSummary } from "../../shared/contracts/inventory.ts";
import type { ScanResult } from "../../shared/contracts/work.ts";
import { canBecome, survivesRestart } from "../domain/packageStates.ts";
import { withSample } from "../domain/progress.ts";
import {
  type LaneRecord,
  laneRecordSchema,
  type PackageRecord,
  packageRecordSchema,
  type RoundRecord,
  roundRecordSchema,
  type WorkRecord,
  workRecordSchema,
} from "../domain/records.ts";
import { addSegment, countStages } from "../domain/roundTotals.ts";
import { type Decision, decideAndWrite, type Look, Turns } from "./decide.ts";
import { type Document, Documents, retryConflicts, Writes } from "./documents.ts";
import { type PackageRef, pad, type RunRef, roundKey, type UploadId, type WorkId } from "./refs.ts";
import {
  isRunOf,
  requirePlanned,
  requireRun,
  requireUnopened,
  requireWork,
} from "./roundChecks.ts";
import { RowMemory } from "./rowMemory.ts";

const ROUND = "round";
const packageRow = (segment: number) => `package-${pad(segment)}`;
const laneRow = (lane: number) => `lane-${lane.toString().padStart(2, "0")}`;
const workRow = (id: string) => `work-${id}`;
/** An entity-group transaction takes 100 rows; one is the round's own, one may be a work item's. */
export const MAX_PACKAGES_PER_WRITE = 98;
/** Who takes a segment wants the next one that is not recorded, which is seldom far away. */
const SEGMENTS_AT_A_GLANCE = 50;

/**
 * A round's partition: one row for the round, one per package, lane and work item. Rows that must agree (a package's state
 * and the round's counters) change in one transaction, so that counters are exact whatever is retried.
 */
export class RoundStore {
  private readonly table: TableClient;
  private readonly rounds: Documents<RoundRecord>;
  private readonly packages: Documents<PackageRecord>;
  private readonly lanes: Documents<LaneRecord>;
  readonly work: Documents<WorkRecord>;
  private readonly turns = new Turns();

  constructor(table: TableClient) {
    const memory = new RowMemory();
    this.table = table;
    this.rounds = new Documents(table, roundRecordSchema, memory);
    this.packages = new Documents(table, packageRecordSchema, memory);
    this.lanes = new Documents(table, laneRecordSchema);
    this.work = new Documents(table, workRecordSchema, memory);
  }

  /** Decides on rows of a round and writes them. What is decided on without its ETag in the write has to be read, not looked up. */
  private inTurn<R>(partition: string, decide: (look: Look) => Promise<Decision<R>>): Promise<R> {
    return this.turns.take(partition, () => decideAndWrite(decide));
  }

  async find(taskId: string, round: number): Promise<RoundRecord | undefined> {
    return (await this.rounds.get(roundKey(taskId, round), ROUND))?.value;
  }

  insert(round: RoundRecord): Promise<boolean> {
    return this.rounds.insert(roundKey(round.taskId, round.number), ROUND, round);
  }

  /** Changes the round's row whoever asks; `change` returns undefined to leave it. */
  change(
    taskId: string,
    round: number,
    change: (value: RoundRecord) => RoundRecord | undefined,
  ): Promise<RoundRecord | undefined> {
    return this.rounds.update(roundKey(taskId, round), ROUND, change);
  }

  /** The round, if the asking orchestration is the one that works on it. */
  async current(ref: RunRef): Promise<RoundRecord> {
    const round = await this.find(ref.taskId, ref.round);
    requireRun(round, ref);
    return round;
  }

  async updateRound(ref: RunRef, change: (value: RoundRecord) => RoundRecord): Promise<void> {
    await this.rounds.update(roundKey(ref.taskId, ref.round), ROUND, (value) => {
      requireRun(value, ref);
      return change(value);
    });
  }

  async findPackage(ref: Omit<PackageRef, "run">): Promise<PackageRecord | undefined> {
    const partition = roundKey(ref.taskId, ref.round);
    return (await this.packages.get(partition, packageRow(ref.segment)))?.value;
  }

  async package(ref: PackageRef): Promise<PackageRecord> {
    const found = await this.findPackage(ref);
    if (!found) throw new LongshoreError("INTERNAL", `package ${ref.segment} has no row`);
    return found;
  }

  async *listPackages(
    taskId: string,
    round: number,
    { from = 0, pageSize = 1000 } = {},
  ): AsyncGenerator<{ segment: number; value: PackageRecord }> {
    const rows = this.packages.list(roundKey(taskId, round), {
      from: packageRow(from),
      before: "package.",
      pageSize,
    });
    for await (const { row, value } of rows) yield { segment: Number(row.slice(8)), value };
  }

  /**
   * Replaces package rows, or removes those without a value, while the round is not open yet. A second run that opens the
   * same round in the meantime is refused by the round's row, which is part of every write.
   */
  async mendPackages(
    ref: RunRef,
    changes: readonly { segment: number; value?: PackageRecord }[],
  ): Promise<void> {
    const partition = roundKey(ref.taskId, ref.round);
    for (const batch of batches(changes, MAX_PACKAGES_PER_WRITE))
      await retryConflicts(async () => {
        const found = await this.rounds.get(partition, ROUND);
        requireRun(found?.value, ref);
        requireUnopened(found?.value as RoundRecord);
        const writes = new Writes(this.table, partition);
        for (const { segment, value } of batch)
          if (value) writes.put(this.packages, packageRow(segment), value);
          else writes.remove(packageRow(segment));
        const { value, etag } = found as Document<RoundRecord>;
        await writes.replace(this.rounds, ROUND, value, etag).commit();
      });
  }

  /** Opens the round for its lanes, once. */
  async openRound(ref: RunRef, change: (value: RoundRecord) => RoundRecord): Promise<void> {
    await this.updateRound(ref, (value) => {
      requireUnopened(value);
      return change(value);
    });
  }

  /**
   * Registers segments that the holder of the scan's lease has written: package rows, the round's totals and the renewed lease
   * in one transaction. Only the next number in line counts, so what is repeated registers nothing; `renew` says
   * whether the agent still holds the lease. False when it does not, or when the run is over.
   */
  async registerSegments(
    id: WorkId,
    segments: readonly SegmentSummary[],
    agent: string,
    renew: (work: WorkRecord) => WorkRecord | undefined,
  ): Promise<boolean> {
    for (const batch of batches(segments, MAX_PACKAGES_PER_WRITE))
      if (!(await this.registerBatch(id, batch, agent, renew))) return false;
    return true;
  }

  private registerBatch(
    id: WorkId,
    segments: readonly SegmentSummary[],
    agent: string,
    renew: (work: WorkRecord) => WorkRecord | undefined,
  ): Promise<boolean> {
    const partition = roundKey(id.taskId, id.round);
    return this.inTurn(partition, async (look) => {
      const [foundRound, foundWork] = await Promise.all([
        look(this.rounds, partition, ROUND),
        look(this.work, partition, workRow(id.text)),
      ]);
      const work = foundWork && renew(structuredClone(foundWork.value));
      if (!foundRound || !foundWork || !work || !isRunOf(foundRound.value, id))
        return { result: false };
      const round = structuredClone(foundRound.value);
      const writes = new Writes(this.table, partition);
      for (const summary of segments) {
        if (round.scan.finished || summary.segment !== round.scan.segments) continue;
        addSegment(round, summary);
        const fresh: PackageRecord = { summary, state: "scanned", attempt: 0, counted: 0 };
        writes.put(this.packages, packageRow(summary.segment), fresh);
      }
      if (!round.agents.includes(agent)) round.agents.push(agent);
      // A walk that gets on may lose an agent now and then: it goes on from there, and lasts for days perhaps.
      if (round.scan.segments > foundRound.value.scan.segments) work.lost = 0;
      writes
        .replace(this.rounds, ROUND, round, foundRound.etag)
        .replace(this.work, workRow(id.text), work, foundWork.etag);
      return { result: true, writes };
    });
  }

  /** Ends the scan and its work item together, when every segment is registered. `change` refuses who holds no lease. */
  async completeScan(
    id: WorkId,
    { totalSegments, warnings }: Pick<ScanResult, "totalSegments" | "warnings">,
    change: (work: WorkRecord) => WorkRecord,
  ): Promise<void> {
    const partition = roundKey(id.taskId, id.round);
    await this.inTurn(partition, async (look) => {
      const [foundRound, foundWork] = await Promise.all([
        look(this.rounds, partition, ROUND),
        look(this.work, partition, workRow(id.text)),
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
      const writes = new Writes(this.table, partition)
        .replace(this.rounds, ROUND, finished, etag)
        .replace(this.work, workRow(id.text), done, work.etag);
      return { result: undefined, writes };
    });
  }

  /** Ends an upload and notes in the package whose result counts, together. `change` refuses who holds no lease. */
  async completeUpload(
    id: UploadId,
    agent: string,
    change: (work: WorkRecord) => WorkRecord,
  ): Promise<void> {
    const partition = roundKey(id.taskId, id.round);
    await this.inTurn(partition, async (look) => {
      const [foundPackage, foundWork] = await Promise.all([
        look(this.packages, partition, packageRow(id.segment)),
        look(this.work, partition, workRow(id.text)),
      ]);
      const work = requireWork(foundWork, id);
      const done = change(structuredClone(work.value));
      const pkg = requirePlanned(foundPackage?.value, id);
      const uploaded = { ...pkg, agent, uploadEpoch: done.epoch };
      const writes = new Writes(this.table, partition)
        .replace(this.packages, packageRow(id.segment), uploaded, foundPackage?.etag as string)
        .replace(this.work, workRow(id.text), done, work.etag);
      return { result: undefined, writes };
    });
  }

  /** The package that an upload is for, if the upload still is what the package waits for. */
  async plannedPackage(id: UploadId): Promise<PackageRecord> {
    const found = await this.packages.get(roundKey(id.taskId, id.round), packageRow(id.segment));
    return requirePlanned(found?.value, id);
  }

  /**
   * Moves a package on and adds it to the round's stage counters, once per stage however often it is tried. `change` may
   * adjust both rows on the way. Asking for a state the package has already is fine and changes nothing.
   */
  async advance(
    ref: PackageRef,
    to: PackageRecord["state"],
    change: (pkg: PackageRecord, round: RoundRecord) => void = () => {},
  ): Promise<PackageRecord> {
    const partition = roundKey(ref.taskId, ref.round);
    return this.inTurn(partition, async (look) => {
      const [foundRound, foundPackage] = await Promise.all([
        look(this.rounds, partition, ROUND),
        look(this.packages, partition, packageRow(ref.segment)),
      ]);
      requireRun(foundRound?.value, ref);
      if (!foundRound || !foundPackage)
        throw new LongshoreError("INTERNAL", `package ${ref.segment} has no row`);
      const { value: pkg } = foundPackage;
      const { value: round } = foundRound;
      if (pkg.state === to && to !== "scanned") return { result: pkg };
      if (!canBecome(pkg.state, to))
        throw new LongshoreError(
          "INTERNAL",
          `package ${ref.segment} is ${pkg.state} and cannot become ${to}`,
        );
      pkg.state = to;
      change(pkg, round);
      countStages(pkg, round);
      round.samples = withSample(round.samples ?? [], round, Date.now());
      const writes = new Writes(this.table, partition)
        .replace(this.packages, packageRow(ref.segment), pkg, foundPackage.etag)
        .replace(this.rounds, ROUND, round, foundRound.etag);
      return { result: pkg, writes };
    });
  }

  /**
   * Hands a lane its next segment. `sequence` counts the lane's requests, so that a request that is repeated gets the same
   * answer. Packages that an earlier run recorded are passed over; a round that pauses hands out none, a cancelled one only
   * those of which SharePoint has a job.
   */
  async takeSegment(
    ref: RunRef,
    lane: { number: number; sequence: number; instance: string },
  ): Promise<{ segment: number } | "wait" | "done"> {
    const partition = roundKey(ref.taskId, ref.round);
    return this.inTurn<{ segment: number } | "wait" | "done">(partition, async (look) => {
      const [foundRound, held] = await Promise.all([
        look(this.rounds, partition, ROUND),
        this.lanes.get(partition, laneRow(lane.number)),
      ]);
      requireRun(foundRound?.value, ref);
      const { value: round, etag } = foundRound as Document<RoundRecord>;
      const mine = held?.value.run === ref.run && held.value.sequence === lane.sequence;
      if (mine && held.value.segment !== undefined)
        return { result: { segment: held.value.segment } };

      if (round.wish === "pause") return { result: "done" };
      let segment: number | undefined;
      const ahead = { from: round.nextSegment, pageSize: SEGMENTS_AT_A_GLANCE };
      for await (const row of this.listPackages(ref.taskId, ref.round, ahead)) {
        if (row.value.state === "recorded") continue;
        // What is cancelled and not at SharePoint needs no lane.
        if (round.wish && !survivesRestart(row.value.state)) continue;
        segment = row.segment;
        break;
      }
      if (segment === undefined && (round.scan.finished || round.wish)) return { result: "done" };
      const record: LaneRecord = {
        run: ref.run,
        sequence: lane.sequence,
        instance: lane.instance,
        ...(segment !== undefined && { segment }),
      };
      round.nextSegment = segment === undefined ? round.scan.segments : segment + 1;
      const writes = new Writes(this.table, partition)
        .put(this.lanes, laneRow(lane.number), record)
        .replace(this.rounds, ROUND, round, etag);
      return { result: segment === undefined ? "wait" : { segment }, writes };
    });
  }

  async listLanes(taskId: string, round: number): Promise<LaneRecord[]> {
    const lanes: LaneRecord[] = [];
    for await (const { value } of this.lanes.list(roundKey(taskId, round), {
      from: "lane-",
      before: "lane.",
    }))
      lanes.push(value);
    return lanes;
  }

  /** Removes everything that is known of a round. */
  async erase(taskId: string, round: number): Promise<void> {
    const partition = roundKey(taskId, round);
    const pages = this.table
      .listEntities({
        queryOptions: { filter: odata`PartitionKey eq ${partition}`, select: ["RowKey"] },
      })
      .byPage({ maxPageSize: 100 });
    for await (const page of pages) {
      const writes = new Writes(this.table, partition);
      for (const { rowKey } of page) writes.remove(String(rowKey));
      if (page.length > 0) await writes.commit();
    }
  }

  findWork(id: WorkId): Promise<WorkRecord | undefined> {
    return this.work.get(workPartition(id), workRow(id.text)).then((found) => found?.value);
  }

  insertWork(work: WorkRecord): Promise<boolean> {
    return this.work.insert(roundKey(work.taskId, work.round), workRow(work.id), work);
  }

  changeWork(
    id: WorkId,
    change: (work: WorkRecord) => WorkRecord | undefined,
  ): Promise<WorkRecord | undefined> {
    return this.work.update(workPartition(id), workRow(id.text), change);
  }
}

const workPartition = (id: WorkId) => roundKey(id.taskId, id.round);

function* batches<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
