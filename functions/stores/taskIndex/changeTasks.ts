import { setTimeout as delay } from "node:timers/promises";
import type { TransactionAction } from "@azure/data-tables";
import type { TaskRecord } from "../../domain/records.ts";
import { DuplicateTask } from "../../domain/tasks/duplicateTask.ts";
import { type Document, type Documents, retryConflicts } from "../storage/documents.ts";
import { Duplicates, placeHash } from "./duplicates.ts";
import type { HeldRows } from "./heldRows.ts";
import { commitWithHead, type IndexHead, isBeingAdded, isTooLarge, submit } from "./indexHead.ts";
import { type Edit, editList } from "./orderedList.ts";
import type { PackedRow, PackedRows, RowWrite } from "./packedRows.ts";
import { countTask } from "./taskCounts.ts";
import { type Listed, listed, listRow, placesOf, type SortedBy } from "./taskLists.ts";

/** One wish: `change` gets the task as it is and returns what it shall be, `null` to remove it, undefined to leave it. */
export interface TaskChange {
  id: string;
  change: (task: TaskRecord | undefined) => TaskRecord | null | undefined;
  /** Refuses a source and destination that another task has. */
  guarded: boolean;
  /**
   * It may be removed. @azure/data-tables 13.3 does that in a transaction whatever the row's ETag, so it is read after the head:
   * another state that comes then is one that the head's ETag refuses.
   */
  removes?: true;
  /** The task as somebody has just found it: it is read again only if it has changed since. */
  seen?: Document<TaskRecord> | undefined;
}

export type Changed = { task: TaskRecord | undefined } | { error: unknown };

interface Step {
  id: string;
  found: Document<TaskRecord> | undefined;
  after: TaskRecord | null;
  guarded: boolean;
}

/**
 * Changes tasks of one session, each at most once, with everything the index knows of them, in one transaction. What a
 * single change throws is its own result; the others happen.
 */
export async function changeTasks(
  rows: HeldRows,
  tasks: Documents<TaskRecord>,
  open: () => Promise<PackedRow<IndexHead>>,
  changes: readonly TaskChange[],
): Promise<Changed[]> {
  let current = changes;
  const tryOnce = (merge: boolean) => {
    const wanted = current;
    // After a conflict nothing that was seen before counts.
    current = changes.map(({ seen: _seen, ...change }) => change);
    return attempt(rows, tasks, open, wanted, merge);
  };
  try {
    return await retryConflicts(() => tryOnce(true));
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    if (changes.length === 1) return retryConflicts(() => tryOnce(false));
    const half = Math.ceil(changes.length / 2);
    return [
      ...(await changeTasks(rows, tasks, open, changes.slice(0, half))),
      ...(await changeTasks(rows, tasks, open, changes.slice(half))),
    ];
  }
}

async function attempt(
  rows: HeldRows,
  tasks: Documents<TaskRecord>,
  open: () => Promise<PackedRow<IndexHead>>,
  changes: readonly TaskChange[],
  merge: boolean,
): Promise<Changed[]> {
  const [head, ...found] = await readAll(rows, tasks, open, changes);
  rows.keepUnder(head.etag);
  const results: Changed[] = [];
  const steps = changes.flatMap(({ id, change, guarded }, index): Step[] => {
    const document = found[index];
    try {
      const after = change(document && structuredClone(document.value));
      results[index] = { task: after === undefined ? document?.value : (after ?? undefined) };
      return after === undefined || (after === null && !document)
        ? []
        : [{ id, found: document, after, guarded }];
    } catch (error) {
      results[index] = { error };
      return [];
    }
  });
  const places = steps.flatMap(({ found: before, after }) =>
    [before?.value, after].flatMap((task) => (task ? [placeHash(task)] : [])),
  );
  const moved = steps.some(isMoved);
  const { generation } = head.value;
  const duplicates = moved
    ? await Duplicates.load(rows, generation, places)
    : Duplicates.none(generation);
  const made = steps.filter((step) => {
    const error = isMoved(step) && occupy(duplicates, step);
    if (error) results[changes.findIndex(({ id }) => id === step.id)] = { error };
    return !error;
  });
  if (made.length === 0) return results;

  const writes = [...duplicates.writes(), ...(await editLists(rows, head.value, made, merge))];
  const actions: TransactionAction[] = made.map(
    ({ id, found: before, after }): TransactionAction => {
      if (after === null) return ["delete", { partitionKey: rows.partition, rowKey: id }];
      const entity = tasks.encode(rows.partition, id, after);
      return before ? ["update", entity, "Replace", { etag: before.etag }] : ["create", entity];
    },
  );
  // What no list shows changes the task's own row only.
  if (writes.length === 0 && made.every(({ after }) => after !== null)) {
    await submit(rows, actions);
    return results;
  }
  const lists = writes.map((write) => rows.action(write));
  const { etag } = await commitWithHead(rows, head, [...actions, ...lists], head.value);
  rows.note(writes, etag);
  return results;
}

/** The index and the tasks; waits for those that are just being added to their lists. */
async function readAll(
  rows: PackedRows,
  tasks: Documents<TaskRecord>,
  open: () => Promise<PackedRow<IndexHead>>,
  changes: readonly TaskChange[],
): Promise<[PackedRow<IndexHead>, ...(Document<TaskRecord> | undefined)[]]> {
  for (;;) {
    const opened = open();
    const [head, ...found] = await Promise.all([
      opened,
      ...changes.map(async ({ id, seen, removes }) => {
        if (removes) await opened;
        return seen ?? tasks.get(rows.partition, id);
      }),
    ]);
    if (!found.some((task) => task && isBeingAdded(head.value, task.value.createdAt)))
      return [head, ...found];
    await delay(WAIT_MS);
  }
}

const WAIT_MS = 50;

const isMoved = ({ found, after }: Step): boolean =>
  !found || !after || placeHash(found.value) !== placeHash(after);

/** Notes where the task is now; an error if it must not be there. */
function occupy(duplicates: Duplicates, { id, found, after, guarded }: Step): Error | undefined {
  if (after) {
    const hash = placeHash(after);
    const other = duplicates.find(hash);
    if (guarded && other !== undefined && other !== id) return new DuplicateTask(other);
    if (other === undefined) duplicates.set(hash, id);
  }
  if (found) duplicates.free(placeHash(found.value), id);
  return undefined;
}

/** Adds the changes to the head's counters and says what the lists need. */
async function editLists(
  rows: PackedRows,
  head: IndexHead,
  steps: readonly Step[],
  merge: boolean,
): Promise<RowWrite[]> {
  const edits = new Map<string, Edit<Listed>[]>();
  for (const { found, after } of steps) {
    const before = found && listed(found.value);
    const now = after ? listed(after) : undefined;
    if (JSON.stringify(before) === JSON.stringify(now)) continue;
    if (before) countTask(head.counts, before, -1);
    if (now) countTask(head.counts, now, 1);
    addEdits(edits, head.generation, before, now);
  }
  const written = await Promise.all(
    [...edits].map(([list, changes]) => editList(rows, list, changes, merge)),
  );
  return written.flat();
}

/** What has to happen to the lists when a task is another one than before. */
export function addEdits(
  edits: Map<string, Edit<Listed>[]>,
  generation: number,
  before: Listed | undefined,
  now: Listed | undefined,
): void {
  const add = (list: string, by: SortedBy, edit: Edit<Listed>) => {
    const row = listRow(generation, list, by);
    const changes = edits.get(row);
    if (changes) changes.push(edit);
    else edits.set(row, [edit]);
  };
  for (const { list, by, key } of before ? placesOf(before) : []) add(list, by, { key });
  for (const { list, by, key } of now ? placesOf(now) : [])
    add(list, by, { key, item: now as Listed });
}
