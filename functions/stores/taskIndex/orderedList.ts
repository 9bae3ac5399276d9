import type { PackedRows, RowWrite } from "./packedRows.ts";

/**
 * A sorted list in a few rows of a partition: leaves with up to a hundred entries each, and a directory that knows at which key
 * every leaf begins. (A B+ tree of two levels: the directory of a list of 50,000 is some ten kilobytes.) A change touches one
 * leaf; a page is read from one or two. Writers are kept apart by whoever commits the writes; readers notice by the leaf's end
 * that it was split or merged since they read the directory.
 */
export type Entry<T> = readonly [key: string, item: T];

/** Puts an entry, or removes it when it has no item. */
export interface Edit<T> {
  key: string;
  item?: T;
}

export interface Directory {
  /** Number of the next new leaf. */
  next: number;
  leaves: { from: string; number: number }[];
}

interface Leaf<T> {
  /** Where the next leaf begins. */
  to?: string | undefined;
  entries: Entry<T>[];
}

const MOST = 128;
/** A leaf with fewer joins its neighbour, if both fit into one of half the size. */
const FEWEST = 24;
const HALF = MOST / 2;
/** What is filled in one go leaves some room for what comes between. */
export const FILL = 100;

const leafRow = (list: string, number: number) => `${list}-${number}`;

/** The rows to write so that a list has these changes. `merge` may be left out to write fewer rows. */
export async function editList<T>(
  rows: PackedRows,
  list: string,
  edits: readonly Edit<T>[],
  merge = true,
): Promise<RowWrite[]> {
  const found = await rows.get<Directory>(list);
  const directory = found ? { ...found.value } : newDirectory();
  const before = directory.leaves.map(({ number }) => number).join();
  const perLeaf = groupByLeaf(directory, edits);
  interface Part {
    from: string;
    number: number;
    entries?: Entry<T>[];
  }
  const parts: Part[] = directory.leaves.map((leaf) => ({ ...leaf }));
  const load = async (part: Part) => {
    part.entries ??= found
      ? ((await rows.get<Leaf<T>>(leafRow(list, part.number)))?.value.entries ?? [])
      : [];
    return part.entries;
  };
  await Promise.all(
    [...perLeaf].map(async ([index, changes]) => {
      const part = parts[index] as Part;
      part.entries = edited(await load(part), changes);
    }),
  );
  const gone: number[] = [];
  for (let i = 0; merge && i < parts.length && parts.length > 1; i++) {
    const part = parts[i] as Part;
    if (!part.entries || part.entries.length >= FEWEST) continue;
    const left = i + 1 < parts.length ? i : i - 1;
    const [one, other] = [parts[left], parts[left + 1]] as [Part, Part];
    const both = [...(await load(one)), ...(await load(other))];
    if (both.length > HALF) continue;
    one.entries = both;
    parts.splice(left + 1, 1);
    gone.push(other.number);
    i = left - 1;
  }
  const whole = parts.flatMap((part) => {
    if (!part.entries || part.entries.length <= MOST) return [part];
    return split(part.entries).map((entries, index) =>
      index === 0
        ? { ...part, entries }
        : { from: (entries[0] as Entry<T>)[0], number: directory.next++, entries },
    );
  });
  const writes: RowWrite[] = gone.map((number) => ({ row: leafRow(list, number) }));
  whole.forEach(({ number, entries }, index) => {
    if (!entries) return;
    const leaf: Leaf<T> = { to: whole[index + 1]?.from, entries };
    writes.push({ row: leafRow(list, number), value: leaf });
  });
  const leaves = whole.map(({ from, number }) => ({ from, number }));
  if (!found || leaves.map(({ number }) => number).join() !== before)
    writes.push({ row: list, value: { next: directory.next, leaves } satisfies Directory });
  return writes;
}

/** The rows of a new list with these entries, which are in order. */
export function newList<T>(list: string, entries: readonly Entry<T>[]): RowWrite[] {
  const leaves = split(entries).map((part, number) => ({
    from: number === 0 ? "" : (part[0] as Entry<T>)[0],
    number,
    entries: part,
  }));
  const directory: Directory = {
    next: leaves.length,
    leaves: leaves.map(({ from, number }) => ({ from, number })),
  };
  return [
    { row: list, value: directory },
    ...leaves.map(({ number, entries: own }, index) => ({
      row: leafRow(list, number),
      value: { to: leaves[index + 1]?.from, entries: own } satisfies Leaf<T>,
    })),
  ];
}

export const findDirectory = async (rows: PackedRows, list: string): Promise<Directory> =>
  (await rows.get<Directory>(list))?.value ?? newDirectory();

const newDirectory = (): Directory => ({ next: 1, leaves: [{ from: "", number: 0 }] });

/** Edits by the leaf, counted from 0, that they change. */
export const groupByLeaf = <T>(
  directory: Directory,
  edits: readonly Edit<T>[],
): Map<number, Edit<T>[]> => Map.groupBy(edits, ({ key }) => leafOf(directory, key));

/** Index of the last leaf that begins at or before the key. */
function leafOf({ leaves }: Directory, key: string): number {
  let low = 0;
  let high = leaves.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((leaves[middle]?.from ?? "") <= key) low = middle;
    else high = middle - 1;
  }
  return low;
}

function edited<T>(entries: readonly Entry<T>[], edits: readonly Edit<T>[]): Entry<T>[] {
  const all = new Map(entries);
  for (const { key, item } of edits)
    if (item === undefined) all.delete(key);
    else all.set(key, item);
  return [...all].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
}

function split<T>(entries: readonly Entry<T>[]): Entry<T>[][] {
  const count = Math.max(1, Math.ceil(entries.length / FILL));
  return Array.from({ length: count }, (_, index) =>
    entries.slice(
      Math.floor((index * entries.length) / count),
      Math.floor(((index + 1) * entries.length) / count),
    ),
  );
}

export interface ListRange {
  /** Exclusive bounds. */
  above?: string | undefined;
  below?: string | undefined;
  descending: boolean;
  /** How many entries are probably wanted: so many leaves are read at first, all others only when these did not do. */
  expected: number;
}

/** How often a reader looks again when leaves have moved under its eyes. */
const PATIENCE = 50;

/**
 * Entries of a list in order. Takes a constant number of requests for those who stop after `expected` entries, and few for
 * those who read on: then the remaining leaves come by range.
 */
export async function* readList<T>(
  rows: PackedRows,
  list: string,
  range: ListRange,
): AsyncGenerator<Entry<T>> {
  const { descending, expected } = range;
  let { above, below } = range;
  for (let tries = 0; tries < PATIENCE; tries++) {
    const leaves = (await rows.get<Directory>(list))?.value.leaves ?? [];
    const wanted = leaves
      .map(({ from, number }, index) => ({ from, number, to: leaves[index + 1]?.from }))
      .filter(
        ({ from, to }) =>
          (below === undefined || from < below) &&
          (above === undefined || to === undefined || to > above),
      );
    if (descending) wanted.reverse();
    let moved = false;
    for await (const { leaf, to } of readLeaves<T>(rows, list, wanted, expected)) {
      moved = leaf === undefined || leaf.to !== to;
      if (leaf === undefined || moved) break;
      for (const entry of descending ? leaf.entries.toReversed() : leaf.entries) {
        const [key] = entry;
        if (above !== undefined && key <= above) continue;
        if (below !== undefined && key >= below) continue;
        yield entry;
        if (descending) below = key;
        else above = key;
      }
    }
    if (!moved) return;
  }
  throw new Error(`the list ${list} changed each of ${PATIENCE} times that it was read`);
}

interface LeafRef {
  number: number;
  to: string | undefined;
}

/** So many leaves are fetched one by one; more come together. */
const FEW = 18;

async function* readLeaves<T>(
  rows: PackedRows,
  list: string,
  refs: readonly LeafRef[],
  expected: number,
): AsyncGenerator<{ leaf: Leaf<T> | undefined; to: string | undefined }> {
  const first = Math.min(Math.ceil(expected / HALF) + 1, refs.length);
  if (first <= FEW)
    yield* await Promise.all(
      refs.slice(0, first).map(async ({ number, to }) => {
        const found = await rows.get<Leaf<T>>(leafRow(list, number));
        return { leaf: found?.value, to };
      }),
    );
  const rest = first <= FEW ? refs.slice(first) : refs;
  if (rest.length === 0) return;
  const leaves = new Map<string, Leaf<T>>();
  for await (const [row, leaf] of rows.below<Leaf<T>>(list)) leaves.set(row, leaf);
  for (const { number, to } of rest) yield { leaf: leaves.get(leafRow(list, number)), to };
}
