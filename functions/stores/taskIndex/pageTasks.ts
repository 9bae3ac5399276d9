import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { TaskFilter, TaskOrder } from "../../../shared/contracts/taskFilters.ts";
import type { TaskListItem } from "../../../shared/contracts/tasks.ts";
import type { IndexHead } from "./indexHead.ts";
import { type Entry, type ListRange, readList } from "./orderedList.ts";
import type { PackedRows } from "./packedRows.ts";
import { type Listed, listItem, listName, listRow, type SortedBy, sortKey } from "./taskLists.ts";

export interface PageQuery extends TaskFilter {
  sort: TaskOrder;
  limit: number;
  after?: string | undefined;
}

export interface TaskPage {
  tasks: TaskListItem[];
  next?: string;
}

/** Lists of up to so many tasks are read as a whole where they are wanted in an order that they do not have. */
const SHORT = 2_000;

/**
 * One page of a session's tasks. Reads the shortest list that has all that is asked for (or one per state) and looks through
 * it for the rest. A token names the last task that was shown, so pages neither repeat nor skip what stays where it is.
 */
export async function pageTasks(
  rows: PackedRows,
  head: IndexHead,
  query: PageQuery,
): Promise<TaskPage> {
  const fits = matcher(query);
  const found: Entry<Listed>[] = [];
  for await (const entry of entriesFor(rows, head, query)) {
    if (!fits(entry[1])) continue;
    found.push(entry);
    if (found.length > query.limit) break;
  }
  const shown = found.slice(0, query.limit);
  const last = found.length > query.limit ? shown.at(-1) : undefined;
  return {
    tasks: shown.map(([, task]) => listItem(task)),
    ...(last && { next: makeToken(query.sort, last[0]) }),
  };
}

/** The session's tasks after the token in the order that is asked for; all that fit are among them. */
function entriesFor(
  rows: PackedRows,
  head: IndexHead,
  query: PageQuery,
): AsyncIterable<Entry<Listed>> {
  const by = query.sort.replace("-", "") as SortedBy;
  const descending = query.sort.startsWith("-");
  const after = query.after === undefined ? undefined : readToken(query.after, query.sort);
  const expected = query.limit + 1;
  const read = (list: string, order: SortedBy, range: ListRange) =>
    readList<Listed>(rows, listRow(head.generation, list, order), range);
  const { lists, tasks } = shortest(head, query);

  if (by === "created") {
    const range = { ...boundsOf(query, descending, after), descending, expected };
    return merged(
      lists.map((list) => read(list, by, range)),
      descending,
    );
  }
  const range = { ...(descending ? { below: after } : { above: after }), descending };
  if (tasks > SHORT || lists[0] === listName.all)
    return read(listName.all, by, { ...range, expected });
  const whole = lists.map((list) => read(list, "created", { descending: false, expected: SHORT }));
  return byName(whole, range);
}

/** Entries of lists by creation, in the order of their names. */
async function* byName(
  lists: readonly AsyncIterable<Entry<Listed>>[],
  { above, below, descending }: Omit<ListRange, "expected">,
): AsyncGenerator<Entry<Listed>> {
  const all = (await Promise.all(lists.map((list) => Array.fromAsync(list)))).flat();
  const entries = all
    .map(([, task]) => [sortKey("name", task), task] as const)
    .filter(([key]) => (above === undefined || key > above) && (below === undefined || key < below))
    .sort(([one], [other]) => (one < other === descending ? 1 : -1));
  yield* entries;
}

/** Lists that together have every task that fits, and as few others as possible. */
function shortest({ counts }: IndexHead, { state, group, tag }: TaskFilter) {
  const candidates: string[][] = [[listName.all]];
  if (state) candidates.push([...new Set(state)].map(listName.state));
  if (group !== undefined) candidates.push([listName.group(group)]);
  if (tag !== undefined) candidates.push([listName.tag(tag)]);
  const sized = candidates.map((lists) => ({
    lists,
    tasks: lists.reduce((sum, list) => sum + (counts.lists[list] ?? 0), 0),
  }));
  return sized.reduce((best, each) => (each.tasks <= best.tasks ? each : best));
}

function matcher(filter: TaskFilter) {
  const { state, group, tag, text, createdFrom, createdBefore, scheduled } = filter;
  const part = text?.toLowerCase();
  const from = createdFrom && new Date(createdFrom).toISOString();
  const before = createdBefore && new Date(createdBefore).toISOString();
  return (task: Listed): boolean =>
    (!state || state.includes(task.state)) &&
    (group === undefined || task.agentGroup === group) &&
    (tag === undefined || task.tags.includes(tag)) &&
    (!from || task.createdAt >= from) &&
    (!before || task.createdAt < before) &&
    (scheduled === undefined || (task.schedule !== undefined) === scheduled) &&
    (!part || task.name.toLowerCase().includes(part) || task.source.toLowerCase().includes(part));
}

/** A range of creation is a range of the list by creation. */
function boundsOf(
  { createdFrom, createdBefore }: TaskFilter,
  descending: boolean,
  after: string | undefined,
): Pick<ListRange, "above" | "below"> {
  const above = createdFrom && new Date(createdFrom).toISOString();
  const below = createdBefore && new Date(createdBefore).toISOString();
  return descending ? { above, below: after ?? below } : { above: after ?? above, below };
}

/** Several lists in the order of one. */
async function* merged(
  lists: readonly AsyncGenerator<Entry<Listed>>[],
  descending: boolean,
): AsyncGenerator<Entry<Listed>> {
  const heads = await Promise.all(lists.map((list) => list.next()));
  for (;;) {
    let best = -1;
    heads.forEach((head, index) => {
      if (head.done) return;
      const other = heads[best];
      const key = head.value[0];
      if (!other || other.done || (descending ? key > other.value[0] : key < other.value[0]))
        best = index;
    });
    const next = heads[best];
    if (!next || next.done) return;
    yield next.value;
    heads[best] = await (lists[best] as AsyncGenerator<Entry<Listed>>).next();
  }
}

const makeToken = (sort: TaskOrder, key: string): string =>
  Buffer.from(JSON.stringify([sort, key])).toString("base64url");

function readToken(token: string, sort: TaskOrder): string {
  try {
    const [order, key] = JSON.parse(Buffer.from(token, "base64url").toString()) as unknown[];
    if (order === sort && typeof key === "string") return key;
  } catch {}
  throw new LongshoreError(
    "BAD_REQUEST",
    'after must be the "next" of a page with the same sort order',
  );
}
