import { RestError, type TransactionAction } from "@azure/data-tables";
import { isConflict } from "../storage/documents.ts";
import { type PackedRow, type PackedRows, type RowWrite, sizeOf } from "./packedRows.ts";
import { noCounts, type TaskCounts } from "./taskCounts.ts";

export const HEAD = "x-head";

/**
 * The first row of a session's index. Every change of the index replaces it, which is what keeps writers apart; its counters
 * are therefore exact.
 */
export interface IndexHead {
  /** All other rows of the index carry it in their keys. */
  generation: number;
  counts: TaskCounts;
  /** Until when somebody who makes a new generation has the word. */
  rebuilding?: string;
  /**
   * Creations of many tasks that are under way: tasks that were created since then may not be in all lists yet. One that is
   * not done in time was cut off, and the index is made anew.
   */
  adding: Record<string, { since: string; until: string }>;
}

export const newHead = (generation: number): IndexHead => ({
  generation,
  counts: noCounts(),
  adding: {},
});

/** Whether a task may be one of those that are just being added. */
export const isBeingAdded = ({ adding }: IndexHead, createdAt: string): boolean =>
  Object.values(adding).some(({ since }) => since <= createdAt);

export const findHead = (rows: PackedRows): Promise<PackedRow<IndexHead> | undefined> =>
  rows.get<IndexHead>(HEAD);

/** Makes the first head; undefined when somebody else did. */
export async function insertHead(
  rows: PackedRows,
  head: IndexHead,
): Promise<PackedRow<IndexHead> | undefined> {
  const [, entity] = rows.action({ row: HEAD, value: head });
  try {
    const { etag } = await rows.table.createEntity(
      entity as { partitionKey: string; rowKey: string },
    );
    return { value: head, etag: etag as string };
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}

export const replaceHead = (rows: PackedRows, head: IndexHead, etag: string) =>
  rows.action({ row: HEAD, value: head }, etag);

/** Writes rows and the head, which must still be that one; returns it as it is then. */
export async function commitWithHead(
  rows: PackedRows,
  found: PackedRow<IndexHead>,
  actions: readonly TransactionAction[],
  head: IndexHead,
): Promise<PackedRow<IndexHead>> {
  const answer = await submit(rows, [...actions, replaceHead(rows, head, found.etag)]);
  // Answers are in the order of the actions.
  const etag = answer.subResponses.at(-1)?.etag;
  if (etag === undefined) throw new Error("the transaction's answer has no ETag for the head");
  return { value: head, etag };
}

/** Rows and bytes that Azure Tables take in one transaction, less what the envelope needs. */
export const MAX_ROWS = 100;
const MAX_BYTES = 3_500_000;

class TooLarge extends Error {}

export const isTooLarge = (error: unknown): boolean =>
  error instanceof TooLarge || (error instanceof RestError && error.statusCode === 413);

/** Commits all or nothing; throws what `isTooLarge` knows when that takes more than one transaction. */
export function submit({ table }: PackedRows, actions: readonly TransactionAction[]) {
  const bytes = actions.reduce((sum, action) => sum + sizeOf(action), 0);
  if (actions.length > MAX_ROWS || bytes > MAX_BYTES)
    throw new TooLarge(`${actions.length} rows of ${bytes} bytes are too much at once`);
  return table.submitTransaction([...actions]);
}

/** Writes in portions that leave room for the head. */
export function* batches(
  rows: PackedRows,
  writes: Iterable<RowWrite>,
): Generator<TransactionAction[]> {
  let batch: TransactionAction[] = [];
  let bytes = 0;
  for (const write of writes) {
    const action = rows.action(write);
    const size = sizeOf(action);
    if (batch.length === MAX_ROWS - 1 || bytes + size > MAX_BYTES - 100_000) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(action);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
