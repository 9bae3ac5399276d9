import type { TaskRecord } from "../../domain/records.ts";
import { placeOf } from "../../domain/tasks/taskPlace.ts";
import type { PackedRows, RowWrite } from "./packedRows.ts";
import { hashOf } from "./taskLists.ts";

/** Which task has a source and destination, by the hash of both; spread over 256 rows by the hash's first two digits. */
export type Bucket = Record<string, string>;
export const MAX_BUCKETS = 256;

const bucketsRow = (generation: number) => `x${generation}-d`;

export const placeHash = (task: Pick<TaskRecord, "source" | "destination">): string =>
  hashOf(placeOf(task));

/** The rows that know of some places. Those that are asked for are fetched, or all together when there are many. */
export class Duplicates {
  private readonly buckets: Map<string, Bucket>;
  private readonly changed = new Set<string>();
  private readonly generation: number;

  private constructor(generation: number, buckets: Map<string, Bucket>) {
    this.generation = generation;
    this.buckets = buckets;
  }

  static async load(
    rows: PackedRows,
    generation: number,
    hashes: readonly string[],
  ): Promise<Duplicates> {
    const names = [...new Set(hashes.map(bucketOf))];
    const prefix = bucketsRow(generation);
    const found = new Map<string, Bucket>();
    if (names.length > 20)
      for await (const [row, bucket] of rows.below<Bucket>(prefix))
        found.set(row.slice(prefix.length + 1), bucket);
    else
      await Promise.all(
        names.map(async (name) => {
          const row = await rows.get<Bucket>(`${prefix}-${name}`);
          if (row) found.set(name, { ...row.value });
        }),
      );
    return new Duplicates(generation, found);
  }

  static none = (generation: number): Duplicates => new Duplicates(generation, new Map());

  /** The task that has the place. */
  find(hash: string): string | undefined {
    return this.buckets.get(bucketOf(hash))?.[hash];
  }

  set(hash: string, id: string): void {
    const name = bucketOf(hash);
    const bucket = this.buckets.get(name) ?? {};
    bucket[hash] = id;
    this.buckets.set(name, bucket);
    this.changed.add(name);
  }

  /** Frees the place if it is this task's. */
  free(hash: string, id: string): void {
    const bucket = this.buckets.get(bucketOf(hash));
    if (bucket?.[hash] !== id) return;
    delete bucket[hash];
    this.changed.add(bucketOf(hash));
  }

  writes(): RowWrite[] {
    return [...this.changed].map((name) => ({
      row: `${bucketsRow(this.generation)}-${name}`,
      value: this.buckets.get(name),
    }));
  }
}

const bucketOf = (hash: string) => hash.slice(0, 2);
