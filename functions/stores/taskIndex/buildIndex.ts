import { setTimeout as delay } from "node:timers/promises";
import type { TaskRecord } from "../../domain/records.ts";
import { isConflict } from "../storage/documents.ts";
import { Duplicates, placeHash } from "./duplicates.ts";
import {
  batches,
  commitWithHead,
  findHead,
  HEAD,
  type IndexHead,
  insertHead,
  MAX_ROWS,
  newHead,
  replaceHead,
} from "./indexHead.ts";
import { type Entry, newList } from "./orderedList.ts";
import type { PackedRow, PackedRows, RowWrite } from "./packedRows.ts";
import { countTask } from "./taskCounts.ts";
import { type Listed, listed, listRow, placesOf } from "./taskLists.ts";

/** Who builds an index and is not heard of for this long was cut off. */
const CUT_OFF_MS = 30_000;
const LOOK_AGAIN_MS = 100;

/**
 * The head of a session's index, ready to be used. Makes the index from the tasks' own rows when there is none (a session of
 * an earlier version) or when a creation of many tasks was cut off. Others wait meanwhile.
 */
export async function openIndex(
  rows: PackedRows,
  tasks: () => AsyncIterable<TaskRecord>,
): Promise<PackedRow<IndexHead>> {
  for (;;) {
    const found = await findHead(rows);
    if (found && !needsBuilding(found.value)) return found;
    if (found?.value.rebuilding && found.value.rebuilding > now()) {
      await delay(LOOK_AGAIN_MS);
      continue;
    }
    const generation = (found?.value.generation ?? 0) + 1;
    const head: IndexHead = { ...newHead(generation), rebuilding: now(CUT_OFF_MS) };
    const claimed = found ? await claim(rows, head, found.etag) : await insertHead(rows, head);
    if (!claimed) continue;
    try {
      return await build(rows, tasks, claimed);
    } catch (error) {
      // Whoever was slower than its claim has nothing to do here any more.
      if (!isConflict(error)) throw error;
    }
  }
}

const now = (plus = 0) => new Date(Date.now() + plus).toISOString();

const needsBuilding = ({ rebuilding, adding }: IndexHead): boolean =>
  rebuilding !== undefined || Object.values(adding).some(({ until }) => until < now());

async function claim(rows: PackedRows, head: IndexHead, etag: string) {
  const [, entity] = replaceHead(rows, head, etag);
  try {
    const answer = await rows.table.updateEntity(
      entity as { partitionKey: string; rowKey: string },
      "Replace",
      { etag },
    );
    return { value: head, etag: answer.etag as string };
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}

async function build(
  rows: PackedRows,
  tasks: () => AsyncIterable<TaskRecord>,
  claimed: PackedRow<IndexHead>,
): Promise<PackedRow<IndexHead>> {
  const { generation } = claimed.value;
  const head = newHead(generation);
  const duplicates = Duplicates.none(generation);
  const all: Listed[] = [];
  for await (const task of tasks()) {
    const item = listed(task);
    all.push(item);
    countTask(head.counts, item, 1);
    const place = placeHash(task);
    // Earlier versions let two of the same slip through: the first keeps the place.
    if (duplicates.find(place) === undefined) duplicates.set(place, task.id);
  }
  let mine = claimed;
  for (const batch of batches(rows, [...duplicates.writes(), ...allLists(generation, all)]))
    mine = await commitWithHead(rows, mine, batch, {
      ...mine.value,
      rebuilding: now(CUT_OFF_MS),
    });
  const ready = await commitWithHead(rows, mine, [], head);
  await removeOthers(rows, generation);
  return ready;
}

function* allLists(generation: number, all: readonly Listed[]): Generator<RowWrite> {
  const lists = new Map<string, Entry<Listed>[]>();
  for (const item of all)
    for (const { list, by, key } of placesOf(item)) {
      const row = listRow(generation, list, by);
      const entries = lists.get(row);
      if (entries) entries.push([key, item]);
      else lists.set(row, [[key, item]]);
    }
  for (const [row, entries] of lists)
    yield* newList(
      row,
      entries.sort(([one], [other]) => (one < other ? -1 : 1)),
    );
}

/** Removes what the generations before have left: nobody reads it any more. */
async function removeOthers(rows: PackedRows, generation: number): Promise<void> {
  for (let other = generation - 1; other > 0 && other > generation - 4; other--)
    await removeRows(rows, await Array.fromAsync(rows.keysBelow(`x${other}`)));
}

/** Removes the whole index; the head goes last, so that who is cut off can do it again. */
export async function removeIndex(rows: PackedRows): Promise<void> {
  const head = await findHead(rows);
  if (!head) return;
  await removeOthers(rows, head.value.generation + 1);
  await removeRows(rows, [HEAD]);
}

async function removeRows(rows: PackedRows, keys: readonly string[]): Promise<void> {
  for (let start = 0; start < keys.length; start += MAX_ROWS)
    await rows.table.submitTransaction(
      keys.slice(start, start + MAX_ROWS).map((row) => rows.action({ row })),
    );
}
