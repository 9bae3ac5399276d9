import { randomUUID } from "node:crypto";
import type { TransactionAction } from "@azure/data-tables";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { type Documents, isConflict, retryConflicts } from "../storage/documents.ts";
import { addEdits } from "./changeTasks.ts";
import { Duplicates, placeHash } from "./duplicates.ts";
import { HeldRows } from "./heldRows.ts";
import {
  batches,
  commitWithHead,
  type IndexHead,
  isTooLarge,
  MAX_ROWS,
  submit,
} from "./indexHead.ts";
import { type Edit, editList, FILL, findDirectory, groupByLeaf } from "./orderedList.ts";
import type { PackedRow, PackedRows } from "./packedRows.ts";
import { countTask } from "./taskCounts.ts";
import { type Listed, listed } from "./taskLists.ts";

/** A creation that is not heard of for this long was cut off; the index is then made anew from the tasks there are. */
const CUT_OFF_MS = 60_000;
/** Transactions with tasks' own rows that are on their way at the same time. */
const AT_ONCE = 4;
/** Rows of lists that are changed in one transaction, about. */
const AIM = 60;
/** A list of which more leaves are changed is read as a whole. */
const MANY = 20;

/**
 * Creates many new tasks: first their places are taken, then their rows are written, then the lists, each leaf about once.
 * Until then nobody changes them. Returns the tasks that have the same place already, by the ids of those that were
 * therefore not created. Ids that exist are left as they are.
 */
export async function addTasks(
  rows: PackedRows,
  tasks: Documents<TaskRecord>,
  open: () => Promise<PackedRow<IndexHead>>,
  wanted: readonly TaskRecord[],
): Promise<Map<string, string>> {
  const mark = {
    id: randomUUID(),
    since: wanted.reduce((first, { createdAt }) => (createdAt < first ? createdAt : first), "~"),
    until: cutOff(),
  };
  const taken = await takePlaces(rows, open, wanted, mark);
  try {
    const { fresh, isInDoubt } = await insertAll(
      rows,
      tasks,
      wanted.filter(({ id }) => !taken.has(id)),
    );
    if (isInDoubt) await giveUp(rows, open, mark.id);
    else await addToLists(rows, open, fresh.map(listed), mark.id);
  } catch (error) {
    await giveUp(rows, open, mark.id);
    throw error;
  }
  return taken;
}

async function takePlaces(
  rows: PackedRows,
  open: () => Promise<PackedRow<IndexHead>>,
  wanted: readonly TaskRecord[],
  { id: mark, since, until }: { id: string; since: string; until: string },
): Promise<Map<string, string>> {
  return retryConflicts(async () => {
    const taken = new Map<string, string>();
    let head = await open();
    const duplicates = await Duplicates.load(rows, head.value.generation, wanted.map(placeHash));
    for (const task of wanted) {
      const hash = placeHash(task);
      const other = duplicates.find(hash);
      if (other === undefined) duplicates.set(hash, task.id);
      else if (other !== task.id) taken.set(task.id, other);
    }
    const marked = { ...head.value, adding: { ...head.value.adding, [mark]: { since, until } } };
    head = await commitWithHead(rows, head, [], marked);
    for (const batch of batches(rows, duplicates.writes()))
      head = await commitWithHead(rows, head, batch, head.value);
    return taken;
  });
}

/**
 * Writes the tasks' own rows; returns those that were not there before. Where the answer to a request is lost, the SDK repeats it and
 * hears that the rows exist: then nobody knows which are in the lists, and the index has to be made anew.
 */
async function insertAll(
  rows: PackedRows,
  tasks: Documents<TaskRecord>,
  wanted: readonly TaskRecord[],
): Promise<{ fresh: TaskRecord[]; isInDoubt: boolean }> {
  const known = new Set<string>();
  let isInDoubt = false;
  let next = 0;
  const worker = async () => {
    while (next < wanted.length) {
      const portion = wanted.slice(next, next + MAX_ROWS);
      next += MAX_ROWS;
      try {
        await submit(
          rows,
          portion.map(
            (task): TransactionAction => ["create", tasks.encode(rows.partition, task.id, task)],
          ),
        );
      } catch (error) {
        if (!isConflict(error) && !isTooLarge(error)) throw error;
        for (const task of portion) {
          if (await tasks.insert(rows.partition, task.id, task)) continue;
          known.add(task.id);
          const there = await tasks.get(rows.partition, task.id);
          isInDoubt ||= there?.value.createdAt === task.createdAt;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { fresh: wanted.filter(({ id }) => !known.has(id)), isInDoubt };
}

interface Unit {
  list: string;
  edits: Edit<Listed>[];
}

async function addToLists(
  rows: PackedRows,
  open: () => Promise<PackedRow<IndexHead>>,
  items: readonly Listed[],
  mark: string,
): Promise<void> {
  const held = new HeldRows(rows.table, rows.partition);
  const { value, etag } = requireMark(await open(), mark);
  held.keepUnder(etag);
  const edits = new Map<string, Edit<Listed>[]>();
  for (const item of items) addEdits(edits, value.generation, undefined, item);
  for await (const units of portions(held, edits)) await editUnits(held, open, units, mark);
  await retryConflicts(async () => {
    const head = requireMark(await open(), mark);
    const { [mark]: _done, ...adding } = head.value.adding;
    for (const item of items) countTask(head.value.counts, item, 1);
    await commitWithHead(rows, head, [], { ...head.value, adding });
  });
}

/** Cuts the edits of all lists into portions that change about so many rows each. */
async function* portions(
  rows: HeldRows,
  lists: ReadonlyMap<string, Edit<Listed>[]>,
): AsyncGenerator<Unit[]> {
  let units: Unit[] = [];
  let size = 0;
  for (const [list, all] of lists) {
    const sorted = all.toSorted((one, other) => (one.key < other.key ? -1 : 1));
    const leaves = [...groupByLeaf(await findDirectory(rows, list), sorted)];
    if (leaves.length > MANY) await rows.hold(list);
    let unit: Unit = { list, edits: [] };
    for (const [, edits] of leaves)
      for (let start = 0; start < edits.length; start += AIM * FILL) {
        const part = edits.slice(start, start + AIM * FILL);
        const cost = 1 + Math.ceil(part.length / FILL);
        if (size + cost > AIM && size > 0) {
          yield [...units, unit];
          units = [];
          unit = { list, edits: [] };
          size = 0;
        }
        unit.edits.push(...part);
        size += cost;
      }
    units.push(unit);
    // The directory.
    size++;
  }
  if (units.length > 0) yield units;
}

async function editUnits(
  rows: HeldRows,
  open: () => Promise<PackedRow<IndexHead>>,
  units: readonly Unit[],
  mark: string,
): Promise<void> {
  try {
    await retryConflicts(async () => {
      const head = requireMark(await open(), mark);
      rows.keepUnder(head.etag);
      const edits = units.filter(({ edits: some }) => some.length > 0);
      const written = await Promise.all(
        edits.map(({ list, edits: changes }) => editList(rows, list, changes)),
      );
      const writes = written.flat();
      const actions = writes.map((write) => rows.action(write));
      const after = await commitWithHead(rows, head, actions, renewed(head.value, mark));
      rows.note(writes, after.etag);
    });
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    for (const half of halves(units)) await editUnits(rows, open, half, mark);
  }
}

function halves([first, ...more]: readonly Unit[]): Unit[][] {
  if (!first) return [];
  if (more.length > 0) {
    const all = [first, ...more];
    return [all.slice(0, all.length / 2), all.slice(all.length / 2)];
  }
  const middle = Math.ceil(first.edits.length / 2);
  return [first.edits.slice(0, middle), first.edits.slice(middle)].map((edits) => [
    { list: first.list, edits },
  ]);
}

const cutOff = () => new Date(Date.now() + CUT_OFF_MS).toISOString();

function renewed(head: IndexHead, mark: string): IndexHead {
  const { since = "" } = head.adding[mark] ?? {};
  return { ...head, adding: { ...head.adding, [mark]: { since, until: cutOff() } } };
}

function requireMark(head: PackedRow<IndexHead>, mark: string): PackedRow<IndexHead> {
  if (head.value.adding[mark]) return head;
  throw new LongshoreError("CONFLICT", "the creation took too long; send what is missing again");
}

/** Lets the mark expire, so that the next who opens the index makes it anew. */
async function giveUp(
  rows: PackedRows,
  open: () => Promise<PackedRow<IndexHead>>,
  mark: string,
): Promise<void> {
  await retryConflicts(async () => {
    const head = await open();
    const past = { since: "", until: "" };
    const adding = { ...head.value.adding, [mark]: past };
    await commitWithHead(rows, head, [], { ...head.value, adding });
  });
}
