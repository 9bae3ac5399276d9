import { isConflict, retryConflicts } from "./conflicts.ts";
import type { Document, Documents } from "./documents.ts";

/** Finds a row to decide on. */
export type Look = <T>(
  rows: Documents<T>,
  partition: string,
  row: string,
) => Promise<Document<T> | undefined>;

/** What was decided, and the write that it takes, guarded by the ETags of the rows that it was decided on. */
export interface Decision<R> {
  result: R;
  writes?: { commit(): Promise<void> };
}

/**
 * A read-check-write that does without the read as long as nobody else writes: it is decided on rows as they are remembered, and
 * the ETags say whether that was right. When it was not, when something was refused, and when nothing is to be written, the rows
 * are read and it is decided again.
 */
export async function decideAndWrite<R>(decide: (look: Look) => Promise<Decision<R>>): Promise<R> {
  let remembered = false;
  try {
    const { result, writes } = await decide(async (rows, partition, row) => {
      const known = rows.recall(partition, row);
      remembered ||= known !== undefined;
      return known ?? rows.get(partition, row);
    });
    await writes?.commit();
    if (writes || !remembered) return result;
  } catch (error) {
    if (!remembered && !isConflict(error)) throw error;
  }
  return retryConflicts(async () => {
    const { result, writes } = await decide((rows, partition, row) => rows.get(partition, row));
    await writes?.commit();
    return result;
  });
}

/** Runs what has the same key one after the other: writers of one row would be in each other's way. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  take<R>(key: string, work: () => Promise<R>): Promise<R> {
    const mine = (this.last.get(key) ?? Promise.resolve()).then(work);
    const over = mine
      .catch(() => undefined) // Whoever took the turn hears of it.
      .then(() => {
        if (this.last.get(key) === over) this.last.delete(key);
      });
    this.last.set(key, over);
    return mine;
  }
}
