import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import { isId } from "../domain/ids.ts";
import {
  type SessionRecord,
  sessionRecordSchema,
  type TaskRecord,
  taskRecordSchema,
} from "../domain/records.ts";
import { withStateChange } from "../domain/tasks/stateChanges.ts";
import { isOpen } from "../domain/tasks/taskStates.ts";
import { Documents } from "./storage/documents.ts";
import { GroupCommit } from "./storage/groupCommit.ts";
import { GroupWrites } from "./storage/groupWrites.ts";
import { addTasks } from "./taskIndex/addTasks.ts";
import { openIndex, removeIndex } from "./taskIndex/buildIndex.ts";
import { type Changed, changeTasks, type TaskChange } from "./taskIndex/changeTasks.ts";
import { Duplicates, placeHash } from "./taskIndex/duplicates.ts";
import { HeldRows } from "./taskIndex/heldRows.ts";
import { PackedRows } from "./taskIndex/packedRows.ts";
import { type PageQuery, pageTasks, type TaskPage } from "./taskIndex/pageTasks.ts";
import type { TaskCounts } from "./taskIndex/taskCounts.ts";

const SESSIONS = "sessions";
const ACTIVE = "active";
/** Changes that are committed together: each has its own row and some of the lists'. */
const CHANGES_AT_ONCE = 48;

/**
 * Sessions, and the tasks of each session in the session's own partition: a row for every task, and the rows of an index by
 * which they are listed, filtered, counted and kept apart. A task's id begins with its session's. See docs/adr/0003.
 */
export class TaskStore {
  private readonly sessions: Documents<SessionRecord>;
  private readonly tasks: Documents<TaskRecord>;
  private readonly active: Documents<{ id: string }>;
  private readonly changes: GroupCommit<TaskChange, Changed>;
  private readonly writes: GroupWrites;

  /** Versions of the tasks that were found, for those who go on to change them. */
  private readonly seen = new WeakMap<TaskRecord, string>();

  private readonly onStateChange: (task: TaskRecord) => Promise<void>;

  /** `onStateChange` is called after every change of a task's state; it must not throw, and bear being called again. */
  constructor(
    sessions: TableClient,
    tasks: TableClient,
    onStateChange: (task: TaskRecord) => Promise<void> = async () => {},
  ) {
    this.onStateChange = onStateChange;
    this.sessions = new Documents(sessions, sessionRecordSchema);
    this.tasks = new Documents(tasks, taskRecordSchema);
    this.active = new Documents(tasks, z.object({ id: z.string() }));
    this.writes = new GroupWrites(tasks);
    this.changes = new GroupCommit((session) => {
      const rows = new HeldRows(tasks, session);
      return (jobs) => changeTasks(rows, this.tasks, () => this.open(session), jobs);
    }, CHANGES_AT_ONCE);
  }

  async insertSession(session: SessionRecord): Promise<boolean> {
    return this.sessions.insert(SESSIONS, session.id, session);
  }

  async findSession(id: string): Promise<SessionRecord | undefined> {
    if (!isId(id)) return undefined;
    return (await this.sessions.get(SESSIONS, id))?.value;
  }

  async updateSession(
    id: string,
    change: (session: SessionRecord) => SessionRecord | undefined,
  ): Promise<SessionRecord | undefined> {
    return isId(id) ? this.sessions.update(SESSIONS, id, change) : undefined;
  }

  async removeSession(id: string): Promise<void> {
    await this.sessions.remove(SESSIONS, id);
  }

  async *listSessions({ after = "", pageSize = 1000 } = {}): AsyncGenerator<SessionRecord> {
    for await (const { row, value } of this.sessions.list(SESSIONS, { from: after, pageSize }))
      if (row !== after) yield value;
  }

  /** Adds a task whatever others there are; false when its id exists already. */
  async insert(task: TaskRecord): Promise<boolean> {
    return this.add(task, false);
  }

  /** Adds a task; refuses one whose source and destination another one has (DUPLICATE_TASK). False when its id exists. */
  async create(task: TaskRecord): Promise<boolean> {
    return this.add(task, true);
  }

  private async add(task: TaskRecord, guarded: boolean): Promise<boolean> {
    let added = false;
    await this.change({
      id: task.id,
      guarded,
      change: (there) => {
        added = !there;
        return there ? undefined : task;
      },
    });
    if (added && task.changes) await this.onStateChange(task);
    return added;
  }

  /**
   * Adds many tasks of one session. Returns the tasks that have the same source and destination, by the ids of those that were
   * not created because of them; whose id exists is left as it is.
   */
  async createMany(sessionId: string, tasks: readonly TaskRecord[]): Promise<Map<string, string>> {
    return addTasks(this.rows(sessionId), this.tasks, () => this.open(sessionId), tasks);
  }

  /** The tasks of a session that have these sources and destinations, in their order. */
  async findPlaces(
    sessionId: string,
    places: readonly Pick<TaskRecord, "source" | "destination">[],
  ): Promise<(string | undefined)[]> {
    const { generation } = (await this.open(sessionId)).value;
    const hashes = places.map(placeHash);
    const known = await Duplicates.load(this.rows(sessionId), generation, hashes);
    return hashes.map((hash) => known.find(hash));
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    if (!isTaskId(id)) return undefined;
    const found = await this.tasks.get(sessionOf(id), id);
    if (found) this.seen.set(found.value, found.etag);
    return found?.value;
  }

  /**
   * Changes a task: the one way by which anything of it changes. `change` gets the task as it is, perhaps several times, and
   * returns undefined to leave it; what it throws reaches the caller. Refuses a source and destination that another has.
   * Undefined when there is no such task. A task that `find` has just found is read again only if it is another one by now.
   */
  async update(
    of: string | TaskRecord,
    change: (task: TaskRecord) => TaskRecord | undefined,
  ): Promise<TaskRecord | undefined> {
    const { id, seen } = this.asSeen(of);
    if (!isTaskId(id)) return undefined;
    let isOtherState = false;
    const changed = await this.change({
      ...{ id, seen, guarded: true },
      change: (task) => {
        if (!task) return undefined;
        const before = { state: task.state, changes: task.changes };
        const after = change(task);
        isOtherState = after !== undefined && after.state !== before.state;
        return after && withStateChange(before, after, Date.now());
      },
    });
    if (changed && isOtherState) await this.onStateChange(changed);
    return changed;
  }

  /** Removes a task from everything, as it is now: no ETag guards a removal. `check` may throw. Returns what was removed. */
  async remove(
    id: string,
    check: (task: TaskRecord) => void = () => {},
  ): Promise<TaskRecord | undefined> {
    if (!isTaskId(id)) return undefined;
    let removed: TaskRecord | undefined;
    await this.change({
      ...{ id, guarded: false, removes: true },
      change: (task) => {
        removed = task;
        if (task) check(task);
        return task ? null : undefined;
      },
    });
    return removed;
  }

  private asSeen(of: string | TaskRecord): Pick<TaskChange, "id" | "seen"> {
    if (typeof of === "string") return { id: of };
    const etag = this.seen.get(of);
    return { id: of.id, ...(etag !== undefined && { seen: { value: of, etag } }) };
  }

  private async change(change: TaskChange): Promise<TaskRecord | undefined> {
    const result = await this.changes.add(sessionOf(change.id), change);
    if ("error" in result) throw result.error;
    return result.task;
  }

  /** One page of a session's tasks as lists show them. Costs the same few requests however many there are. */
  async page(sessionId: string, query: PageQuery): Promise<TaskPage> {
    return pageTasks(this.rows(sessionId), (await this.open(sessionId)).value, query);
  }

  /** What is known of all tasks of a session together; one request. */
  async counts(sessionId: string): Promise<TaskCounts> {
    return (await this.open(sessionId)).value.counts;
  }

  /** Removes the index of a session that has no tasks any more. */
  async eraseIndex(sessionId: string): Promise<void> {
    await removeIndex(this.rows(sessionId));
  }

  /** Puts a task on the list of those that have an open round, so that nobody has to look through all of them. */
  async setActive(id: string): Promise<void> {
    await this.writes.write(ACTIVE, this.active.putAction(ACTIVE, id, { id }));
  }

  /** Takes it off the list, unless it has been begun again in the meantime. */
  async setInactive(id: string): Promise<void> {
    await this.writes.remove(ACTIVE, id);
    const task = await this.find(id);
    // Once more: the process that ended the task may have been cut off before it could tell anybody.
    if (task) await this.onStateChange(task);
    if (task && isOpen(task.state)) await this.setActive(id);
  }

  async *listActive(): AsyncGenerator<string> {
    for await (const { value } of this.active.list(ACTIVE)) yield value.id;
  }

  /** Every task of a session as it is stored, by id. */
  async *list(sessionId: string): AsyncGenerator<TaskRecord> {
    const own = { from: `${sessionId}-`, before: `${sessionId}.` };
    for await (const { value } of this.tasks.list(sessionId, own)) yield value;
  }

  private rows(sessionId: string): PackedRows {
    return new PackedRows(this.tasks.table, sessionId);
  }

  private open(sessionId: string) {
    return openIndex(this.rows(sessionId), () => this.list(sessionId));
  }
}

const isTaskId = (id: string): boolean => id.includes("-") && id.split("-").every(isId);
const sessionOf = (taskId: string) => taskId.split("-")[0] ?? "";
