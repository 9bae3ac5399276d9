import { RestError, type TableClient } from "@azure/data-tables";
import { z } from "zod";
import { Documents, retryConflicts, Writes } from "./storage/documents.ts";
import { GroupWrites } from "./storage/groupWrites.ts";

/** A task's place in the queue of its agent group. */
export interface Place {
  group: string;
  taskId: string;
  /** Since when it waits: an instant. */
  at: string;
}

const PARTITION = "admission";
const waitingRow = ({ group, at, taskId }: Place) => `waiting:${group}:${at}:${taskId}`;
const runningRow = (group: string, taskId: string) => `running:${group}:${taskId}`;
const turnRow = (group: string) => `turn:${group}`;
/** The key after all that begin with `prefix:`. */
const endOf = (prefix: string) => `${prefix};`;

const placeSchema = z.object({ group: z.string(), taskId: z.string(), at: z.string() });

/**
 * Which tasks of an agent group wait for their turn and which have it, in one partition: a task moves from one to the other
 * in one transaction that takes the group's turn, so that however many dispatchers there are no group has more rounds than it may.
 */
export class Admission {
  private readonly table: TableClient;
  private readonly rows: Documents<Place>;
  private readonly turns: Documents<{ turn: number }>;
  private readonly writes: GroupWrites;

  /** `table`: the one of the tasks. */
  constructor(table: TableClient) {
    this.table = table;
    this.rows = new Documents(table, placeSchema);
    this.turns = new Documents(table, z.object({ turn: z.number().int() }));
    this.writes = new GroupWrites(table);
  }

  /** Puts a task at its place in the queue; again, if need be. */
  async enqueue(place: Place): Promise<void> {
    await this.writes.write(PARTITION, this.rows.putAction(PARTITION, waitingRow(place), place));
  }

  /** Takes a task off the queue. False when it is not there any more: it has its turn. */
  withdraw(place: Place): Promise<boolean> {
    return this.writes.remove(PARTITION, waitingRow(place));
  }

  /** Gives the oldest task of the group its turn, if fewer than `limit` have it. */
  async admit(group: string, limit: number): Promise<string | undefined> {
    await this.turns.insert(PARTITION, turnRow(group), { turn: 0 });
    return retryConflicts(async () => {
      for (;;) {
        const turn = await this.turns.get(PARTITION, turnRow(group));
        if (!turn || (await this.count(`running:${group}`, limit)) >= limit) return undefined;
        const first = await this.first(`waiting:${group}`);
        if (!first) return undefined;
        try {
          await new Writes(this.table, PARTITION)
            .replace(this.turns, turnRow(group), { turn: turn.value.turn + 1 }, turn.etag)
            .put(this.rows, runningRow(group, first.taskId), first)
            .remove(waitingRow(first))
            .commit();
          return first.taskId;
        } catch (error) {
          // It was withdrawn at that moment: another may have the turn.
          if (!isGone(error)) throw error;
        }
      }
    });
  }

  /** The task's round is over, or put aside. */
  async leave(group: string, taskId: string): Promise<void> {
    await this.rows.remove(PARTITION, runningRow(group, taskId));
  }

  async hasTurn(group: string, taskId: string): Promise<boolean> {
    return (await this.rows.get(PARTITION, runningRow(group, taskId))) !== undefined;
  }

  /** How many tasks are before this one, counted up to `most`. */
  ahead(place: Place, most: number): Promise<number> {
    return this.count(`waiting:${place.group}`, most, waitingRow(place));
  }

  async isWaiting(place: Place): Promise<boolean> {
    return (await this.rows.get(PARTITION, waitingRow(place))) !== undefined;
  }

  /** Ids of all tasks of all groups that wait. */
  async waiting(): Promise<Set<string>> {
    const ids = new Set<string>();
    const rows = this.rows.list(PARTITION, { from: "waiting:", before: endOf("waiting") });
    for await (const { value } of rows) ids.add(value.taskId);
    return ids;
  }

  /** Tasks that have their turn. */
  async *running(): AsyncGenerator<Place> {
    const rows = this.rows.list(PARTITION, { from: "running:", before: endOf("running") });
    for await (const { value } of rows) yield value;
  }

  /** Groups in which tasks wait; costs one request for each. */
  async *groups(): AsyncGenerator<string> {
    for (let from = "waiting:"; ; ) {
      const rows = this.rows.list(PARTITION, { from, before: endOf("waiting"), pageSize: 1 });
      const { value: next, done } = await rows.next();
      if (done) return;
      const { group } = next.value;
      yield group;
      from = endOf(`waiting:${group}`);
    }
  }

  private async first(prefix: string): Promise<Place | undefined> {
    const range = { from: `${prefix}:`, before: endOf(prefix), pageSize: 1 };
    for await (const { value } of this.rows.list(PARTITION, range)) return value;
    return undefined;
  }

  private async count(prefix: string, most: number, before = endOf(prefix)): Promise<number> {
    let count = 0;
    const pageSize = Math.min(1000, most + 1);
    for await (const _row of this.rows.list(PARTITION, { from: `${prefix}:`, before, pageSize }))
      if (++count >= most) break;
    return count;
  }
}

const isGone = (error: unknown) => error instanceof RestError && error.statusCode === 404;
