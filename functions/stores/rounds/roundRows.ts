import type { TableClient } from "@azure/data-tables";
import {
  type LaneRecord,
  laneRecordSchema,
  type PackageRecord,
  packageRecordSchema,
  type RoundRecord,
  roundRecordSchema,
  type WorkRecord,
  workRecordSchema,
} from "../../domain/records.ts";
import { type Decision, decideAndWrite, type Look, Turns } from "../storage/decide.ts";
import { Documents } from "../storage/documents.ts";
import { RowMemory } from "../storage/rowMemory.ts";
import { pad, roundKey } from "./refs.ts";

/* Keys of the rows in a round's partition. */
export const ROUND = "round";
export const packageRow = (segment: number): string => `package-${pad(segment)}`;
export const laneRow = (lane: number): string => `lane-${lane.toString().padStart(2, "0")}`;
export const workRow = (id: string): string => `work-${id}`;

/** An entity-group transaction takes 100 rows; one is the round's own, one may be a work item's. */
export const MAX_PACKAGES_PER_WRITE = 98;

/**
 * A round's partition: one row for the round, one per package, lane and work item. This process keeps rows as it last saw them and
 * decides on those; a write that rests on one that is outdated is refused by its ETag, and then they are read.
 */
export class RoundRows {
  readonly table: TableClient;
  readonly rounds: Documents<RoundRecord>;
  readonly packages: Documents<PackageRecord>;
  /** Not kept: a lane's row is decided on without its ETag. */
  readonly lanes: Documents<LaneRecord>;
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
  inTurn<R>(partition: string, decide: (look: Look) => Promise<Decision<R>>): Promise<R> {
    return this.turns.take(partition, () => decideAndWrite(decide));
  }

  /** Packages in the order of their segments; `pageSize` is how many are fetched at once. */
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
}

/** The parts of a list that go into one transaction each. */
export function* batches<T>(items: readonly T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += MAX_PACKAGES_PER_WRITE)
    yield items.slice(start, start + MAX_PACKAGES_PER_WRITE);
}
