import type { TaskRecord } from "../records.ts";

/** How many changes a task's row remembers; they are told to webhooks within seconds. */
const REMEMBERED = 8;

/**
 * Notes a change of state within the task's own row, in the same write as the change: whoever has to be told of it can be told
 * later, even when the process that made the change is gone.
 */
export function withStateChange(
  before: { state: TaskRecord["state"]; changes?: TaskRecord["changes"] },
  after: TaskRecord,
  now: number,
): TaskRecord {
  if (before.state === after.state) return after;
  const { changes = [] } = before;
  const n = (changes.at(-1)?.n ?? 0) + 1;
  const change = { n, from: before.state, to: after.state, at: new Date(now).toISOString() };
  return { ...after, changes: [...changes, change].slice(-REMEMBERED) };
}
