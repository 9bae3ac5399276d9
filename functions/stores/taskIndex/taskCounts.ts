import type { Amount } from "../../../shared/contracts/amounts.ts";
import { type Listed, listsOf } from "./taskLists.ts";

/** What is known of all tasks of a session together, without looking at any. */
export interface TaskCounts {
  /** How many tasks are in each list. */
  lists: Record<string, number>;
  /** Sums over the last rounds of the tasks. */
  migrated: Amount;
  skipped: Amount;
  failed: Amount;
}

export const noCounts = (): TaskCounts => ({
  lists: {},
  migrated: { items: 0, bytes: 0 },
  skipped: { items: 0, bytes: 0 },
  failed: { items: 0, bytes: 0 },
});

/** Adds a task, or takes it away again (`times` -1). */
export function countTask(counts: TaskCounts, task: Listed, times: 1 | -1): void {
  const { lists } = counts;
  for (const list of listsOf(task)) {
    lists[list] = (lists[list] ?? 0) + times;
    if (lists[list] === 0) delete lists[list];
  }
  for (const what of ["migrated", "skipped", "failed"] as const) {
    const amount = task.lastRound?.[what];
    if (!amount) continue;
    counts[what].items += times * amount.items;
    counts[what].bytes += times * amount.bytes;
  }
}

/** Counts of the lists of one kind ("state", "group", "tag"), by what stands after it. */
export const countsOf = ({ lists }: TaskCounts, kind: string): [name: string, tasks: number][] =>
  Object.entries(lists)
    .filter(([list]) => list.startsWith(`${kind} `))
    .map(([list, tasks]) => [list.slice(kind.length + 1), tasks]);
