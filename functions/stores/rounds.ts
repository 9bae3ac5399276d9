import { odata, type TableClient } from "@azure/data-tables";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { SegmentSummary } from "../../shared/contracts/inventory.ts";
import type { ScanResult } from "../../shared/contracts/work.ts";
import type {
  LaneRecord,
  PackageRecord,
  PackageState,
  RoundRecord,
  WorkRecord,
} from "../domain/records.ts";
import { advancePackage } from "./rounds/advancePackage.ts";
import { completeScan, completeUpload } from "./rounds/endWork.ts";
import { mendPackages } from "./rounds/mendPackages.ts";
import {
  type PackageRef,
  type RunRef,
  roundKey,
  type UploadId,
  type WorkId,
} from "./rounds/refs.ts";
import { registerSegments } from "./rounds/registerSegments.ts";
import { requirePlanned, requireRun, requireUnopened } from "./rounds/roundChecks.ts";
import { packageRow, ROUND, RoundRows, workRow } from "./rounds/roundRows.ts";
import { type AskingLane, type TakenSegment, takeSegment } from "./rounds/takeSegment.ts";
import { type Documents, Writes } from "./storage/documents.ts";

/**
 * Rounds with their packages, lanes and work items. Rows that must agree (a package's state and the round's counters) change in
 * one transaction, so that counters are exact whatever is retried; each of these transactions is a file in rounds/.
 */
export class RoundStore {
  readonly work: Documents<WorkRecord>;
  private readonly rows: RoundRows;

  constructor(table: TableClient) {
    this.rows = new RoundRows(table);
    this.work = this.rows.work;
  }

  async find(taskId: string, round: number): Promise<RoundRecord | undefined> {
    return (await this.rows.rounds.get(roundKey(taskId, round), ROUND))?.value;
  }

  insert(round: RoundRecord): Promise<boolean> {
    return this.rows.rounds.insert(roundKey(round.taskId, round.number), ROUND, round);
  }

  /** Changes the round's row whoever asks; `change` returns undefined to leave it. */
  change(
    taskId: string,
    round: number,
    change: (value: RoundRecord) => RoundRecord | undefined,
  ): Promise<RoundRecord | undefined> {
    return this.rows.rounds.update(roundKey(taskId, round), ROUND, change);
  }

  /** The round, if the asking orchestration is the one that works on it. */
  async current(ref: RunRef): Promise<RoundRecord> {
    const round = await this.find(ref.taskId, ref.round);
    requireRun(round, ref);
    return round;
  }

  async updateRound(ref: RunRef, change: (value: RoundRecord) => RoundRecord): Promise<void> {
    await this.change(ref.taskId, ref.round, (value) => {
      requireRun(value, ref);
      return change(value);
    });
  }

  /** Opens the round for its lanes, once. */
  async openRound(ref: RunRef, change: (value: RoundRecord) => RoundRecord): Promise<void> {
    await this.updateRound(ref, (value) => {
      requireUnopened(value);
      return change(value);
    });
  }

  /** Removes everything that is known of a round. */
  async erase(taskId: string, round: number): Promise<void> {
    const { table } = this.rows;
    const partition = roundKey(taskId, round);
    const pages = table
      .listEntities({
        queryOptions: { filter: odata`PartitionKey eq ${partition}`, select: ["RowKey"] },
      })
      .byPage({ maxPageSize: 100 });
    for await (const page of pages) {
      const writes = new Writes(table, partition);
      for (const { rowKey } of page) writes.remove(String(rowKey));
      if (page.length > 0) await writes.commit();
    }
  }

  async findPackage(ref: Omit<PackageRef, "run">): Promise<PackageRecord | undefined> {
    const partition = roundKey(ref.taskId, ref.round);
    return (await this.rows.packages.get(partition, packageRow(ref.segment)))?.value;
  }

  async package(ref: PackageRef): Promise<PackageRecord> {
    const found = await this.findPackage(ref);
    if (!found) throw new LongshoreError("INTERNAL", `package ${ref.segment} has no row`);
    return found;
  }

  /** The package that an upload is for, if the upload still is what the package waits for. */
  async plannedPackage(id: UploadId): Promise<PackageRecord> {
    return requirePlanned(await this.findPackage(id), id);
  }

  /** Packages in the order of their segments; `pageSize` is how many are fetched at once. */
  listPackages(taskId: string, round: number, options?: { from?: number; pageSize?: number }) {
    return this.rows.listPackages(taskId, round, options);
  }

  mendPackages(
    ref: RunRef,
    changes: readonly { segment: number; value?: PackageRecord }[],
  ): Promise<void> {
    return mendPackages(this.rows, ref, changes);
  }

  advance(
    ref: PackageRef,
    to: PackageState,
    change: (pkg: PackageRecord, round: RoundRecord) => void = () => {},
  ): Promise<PackageRecord> {
    return advancePackage(this.rows, ref, to, change);
  }

  takeSegment(ref: RunRef, lane: AskingLane): Promise<TakenSegment> {
    return takeSegment(this.rows, ref, lane);
  }

  async listLanes(taskId: string, round: number): Promise<LaneRecord[]> {
    const lanes = this.rows.lanes.list(roundKey(taskId, round), { from: "lane-", before: "lane." });
    return Array.fromAsync(lanes, ({ value }) => value);
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

  registerSegments(
    id: WorkId,
    segments: readonly SegmentSummary[],
    agent: string,
    renew: (work: WorkRecord) => WorkRecord | undefined,
  ): Promise<boolean> {
    return registerSegments(this.rows, id, segments, { agent, renew });
  }

  completeScan(
    id: WorkId,
    result: Pick<ScanResult, "totalSegments" | "warnings">,
    change: (work: WorkRecord) => WorkRecord,
  ): Promise<void> {
    return completeScan(this.rows, id, result, change);
  }

  completeUpload(
    id: UploadId,
    agent: string,
    change: (work: WorkRecord) => WorkRecord,
  ): Promise<void> {
    return completeUpload(this.rows, id, agent, change);
  }
}

const workPartition = (id: WorkId) => roundKey(id.taskId, id.round);
