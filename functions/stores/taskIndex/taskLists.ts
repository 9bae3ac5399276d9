import { createHash } from "node:crypto";
import type { TaskListItem } from "../../../shared/contracts/tasks.ts";
import type { TaskRecord } from "../../domain/records.ts";

/* Which lists of its session a task is in, under which keys, and what the lists show of it. */

export type SortedBy = "created" | "name";

/** What a list needs to know of a task: what it shows and where it stands. */
export interface Listed extends TaskListItem {
  order?: number;
}

export function listed(task: TaskRecord): Listed {
  const { id, name, source, destination, agentGroup, tags, state, createdAt } = task;
  const { schedule, lastRound, order } = task;
  return {
    ...{ id, name, source, destination, agentGroup, tags, state, createdAt },
    ...(schedule && { schedule }),
    ...(lastRound && { lastRound }),
    ...(order !== undefined && { order }),
  };
}

export const listItem = ({ order: _order, ...item }: Listed): TaskListItem => item;

export const listName = {
  all: "all",
  state: (state: string) => `state ${state}`,
  group: (group: string) => `group ${group}`,
  tag: (tag: string) => `tag ${tag}`,
};

/** The lists that a task is in, all of them by creation. */
export const listsOf = ({ state, agentGroup, tags }: Listed): string[] => [
  listName.all,
  listName.state(state),
  listName.group(agentGroup),
  ...tags.map(listName.tag),
];

/**
 * The lists that a task is in, with its key in each. By name there is only the one of all: a short list can be sorted by who
 * reads it, and of a long one's tasks some come soon in any other. So a change of state touches few rows.
 */
export const placesOf = (task: Listed): { list: string; by: SortedBy; key: string }[] => [
  { list: listName.all, by: "name", key: sortKey("name", task) },
  ...listsOf(task).map((list) => ({ list, by: "created" as const, key: sortKey("created", task) })),
];

/** Unique within a session; names are in order but for upper and lower case. */
export const sortKey = (by: SortedBy, { id, name, createdAt, order = 0 }: Listed): string =>
  by === "created"
    ? `${createdAt} ${order.toString().padStart(6, "0")} ${id}`
    : `${name.normalize("NFKC").toLowerCase()}\u0000${id}`;

/** Row of a list. Tags may hold what keys may not, so its name is hashed. */
export const listRow = (generation: number, list: string, by: SortedBy): string =>
  `x${generation}-l${hashOf(`${by} ${list}`)}`;

export const hashOf = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 24);
