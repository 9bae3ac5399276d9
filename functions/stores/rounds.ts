import type { TableClient } from "@azure/data-tables";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { SegmentSummary } from "../../shared/contracts/inventory.ts";
import { canBecome, stagesReached } from "../domain/packageStates.ts";
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
import { Documents, retryConflicts, Writes } from "./documents.ts";

/** Which orchestration asks: it may touch the round only while the round's row names its run. */
export interface RunRef {
  taskId: string;
  round: number;
  run: string;
}
export interface PackageRef extends RunRef {
  segment: number;
}

export const roundKey = (taskId: string, round: number): string => `${taskId}.R${round}`;
const ROUND = "round";
const pad = (segment: number) => segment.toString().padStart(6, "0");
const packageRow = (segment: number) => `package-${pad(segment)}`;
const laneRow = (lane: number) => `lane-${lane.toString().padStart(2, "0")}`;
const workRow = (id: string) => `work-${id}`;
/** An entity-group transaction takes 100 rows; one is the round's own. */
export const MAX_SEGMENTS_PER_WRITE = 99;

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

  constructor(table: TableClient) {
    this.table = table;
    this.rounds = new Documents(table, roundRecordSchema);
    this.packages = new Documents(table, packageRecordSchema);
    this.lanes = new Documents(table, laneRecordSchema);
    this.work = new Documents(table, workRecordSchema);
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

  async package(ref: PackageRef): Promise<PackageRecord> {
    const found = await this.packages.get(roundKey(ref.taskId, ref.round), packageRow(ref.segment));
    if (!found) throw new LongshoreError("INTERNAL", `package ${ref.segment} has no row`);
    return found.value;
  }

  async *listPackages(
    taskId: string,
    round: number,
    from = 0,
  ): AsyncGenerator<{ segment: number; value: PackageRecord }> {
    const rows = this.packages.list(roundKey(taskId, round), {
      from: packageRow(from),
      before: "package.",
    });
    for await (const { row, value } of rows) yield { segment: Number(row.slice(8)), value };
  }

  putPackage(taskId: string, round: number, segment: number, value: PackageRecord): Promise<void> {
    return this.packages.put(roundKey(taskId, round), packageRow(segment), value);
  }

  removePackage(taskId: string, round: number, segment: number): Promise<void> {
    return this.packages.remove(roundKey(taskId, round), packageRow(segment));
  }

  /**
   * Registers segments of the scan: their package rows and the round's totals in one transaction. Only the next number in
   * line counts, so a heartbeat that is repeated, or comes from a lease that is over, registers nothing.
   */
  async registerSegments(
    ref: RunRef,
    segments: readonly SegmentSummary[],
    agent: string,
  ): Promise<void> {
    const partition = roundKey(ref.taskId, ref.round);
    for (let start = 0; start < segments.length; start += MAX_SEGMENTS_PER_WRITE)
      await retryConflicts(async () => {
        const found = await this.rounds.get(partition, ROUND);
        requireRun(found?.value, ref);
        const round = structuredClone(found?.value as RoundRecord);
        const writes = new Writes(this.table, partition);
        let any = false;
        for (const summary of segments.slice(start, start + MAX_SEGMENTS_PER_WRITE)) {
          if (round.scan.finished || summary.segment !== round.scan.segments) continue;
          any = true;
          round.scan.segments++;
          round.scan.items += summary.items;
          round.scan.files += summary.files;
          round.scan.folders += summary.folders;
          round.scan.issues += summary.issues;
          round.scan.bytes += summary.bytes;
          round.scan.lastPath = summary.last;
          const fresh: PackageRecord = { summary, state: "scanned", attempt: 0, counted: 0 };
          writes.put(packageRow(summary.segment), fresh);
        }
        if (!any) return;
        if (!round.agents.includes(agent)) round.agents.push(agent);
        await writes.replace(ROUND, round, found?.etag as string).commit();
      });
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
    return retryConflicts(async () => {
      const [foundRound, foundPackage] = await Promise.all([
        this.rounds.get(partition, ROUND),
        this.packages.get(partition, packageRow(ref.segment)),
      ]);
      requireRun(foundRound?.value, ref);
      if (!foundRound || !foundPackage)
        throw new LongshoreError("INTERNAL", `package ${ref.segment} has no row`);
      const pkg = structuredClone(foundPackage.value);
      const round = structuredClone(foundRound.value);
      if (pkg.state === to && to !== "scanned") return pkg;
      if (!canBecome(pkg.state, to))
        throw new LongshoreError(
          "INTERNAL",
          `package ${ref.segment} is ${pkg.state} and cannot become ${to}`,
        );
      pkg.state = to;
      change(pkg, round);
      count(pkg, round);
      await new Writes(this.table, partition)
        .replace(packageRow(ref.segment), pkg, foundPackage.etag)
        .replace(ROUND, round, foundRound.etag)
        .commit();
      return pkg;
    });
  }

  /** Changes a package's row without moving it on. */
  async amendPackage(
    ref: PackageRef,
    change: (pkg: PackageRecord) => PackageRecord,
  ): Promise<PackageRecord> {
    await this.current(ref);
    const changed = await this.packages.update(
      roundKey(ref.taskId, ref.round),
      packageRow(ref.segment),
      change,
    );
    if (!changed) throw new LongshoreError("INTERNAL", `package ${ref.segment} has no row`);
    return changed;
  }

  /**
   * Hands a lane its next segment. `sequence` counts the lane's requests, so that a request that is repeated gets the same
   * answer. Packages that an earlier run recorded are passed over.
   */
  async takeSegment(
    ref: RunRef,
    lane: { number: number; sequence: number; instance: string },
  ): Promise<{ segment: number } | "wait" | "done"> {
    const partition = roundKey(ref.taskId, ref.round);
    return retryConflicts(async () => {
      const [foundRound, held] = await Promise.all([
        this.rounds.get(partition, ROUND),
        this.lanes.get(partition, laneRow(lane.number)),
      ]);
      requireRun(foundRound?.value, ref);
      const round = structuredClone(foundRound?.value as RoundRecord);
      const mine = held?.value.run === ref.run && held.value.sequence === lane.sequence;
      if (mine && held.value.segment !== undefined) return { segment: held.value.segment };

      let segment: number | undefined;
      for await (const row of this.listPackages(ref.taskId, ref.round, round.nextSegment)) {
        if (row.value.state === "recorded") continue;
        segment = row.segment;
        break;
      }
      if (segment === undefined && round.scan.finished) return "done";
      const record: LaneRecord = {
        run: ref.run,
        sequence: lane.sequence,
        instance: lane.instance,
        ...(segment !== undefined && { segment }),
      };
      round.nextSegment = segment === undefined ? round.scan.segments : segment + 1;
      await new Writes(this.table, partition)
        .put(laneRow(lane.number), record)
        .replace(ROUND, round, foundRound?.etag as string)
        .commit();
      return segment === undefined ? "wait" : { segment };
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

/** A work item's id names its round, so that agents can be answered without looking anything up. */
export interface WorkId extends RunRef {
  text: string;
  kind: "scan" | "upload";
  segment?: number;
}

export function workId(
  ref: RunRef,
  what: { kind: "scan" } | { kind: "upload"; segment: number; attempt: number },
): WorkId {
  const tail = what.kind === "scan" ? "scan" : `upload.${pad(what.segment)}.${what.attempt}`;
  return {
    ...ref,
    kind: what.kind,
    text: `${roundKey(ref.taskId, ref.round)}.${ref.run}.${tail}`,
    ...(what.kind === "upload" && { segment: what.segment }),
  };
}

const WORK_ID = /^([a-z0-9]+-[a-z0-9]+)\.R(\d+)\.([a-z0-9]+)\.(?:(scan)|upload\.(\d+)\.\d+)$/;

/** Parses what an agent sends; undefined when it is no work item's id. */
export function parseWorkId(text: string): WorkId | undefined {
  const match = WORK_ID.exec(text);
  if (!match) return undefined;
  const [, taskId, round, run, scan, segment] = match;
  return {
    text,
    taskId: taskId as string,
    round: Number(round),
    run: run as string,
    kind: scan ? "scan" : "upload",
    ...(segment !== undefined && { segment: Number(segment) }),
  };
}

const workPartition = (id: WorkId) => roundKey(id.taskId, id.round);

function requireRun(round: RoundRecord | undefined, ref: RunRef): asserts round is RoundRecord {
  if (!round)
    throw new LongshoreError("NOT_FOUND", `task ${ref.taskId} has no round R${ref.round}`);
  if (round.run !== ref.run || round.state !== "InProgress")
    throw new LongshoreError(
      "CONFLICT",
      `round R${ref.round} of task ${ref.taskId} is ${round.state} under run ${round.run}; run ${ref.run} is over`,
    );
}

function count(pkg: PackageRecord, round: RoundRecord): void {
  const stages = [round.packaged, round.uploaded, round.imported];
  const reached = stagesReached(pkg.state);
  for (const stage of stages.slice(pkg.counted, reached)) {
    stage.items += pkg.summary.items;
    stage.bytes += pkg.summary.bytes;
  }
  if (reached === 4 && pkg.counted < 4) round.recorded++;
  pkg.counted = Math.max(pkg.counted, reached);
}
