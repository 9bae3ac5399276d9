import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import { isId } from "../domain/ids.ts";
import {
  type SessionRecord,
  sessionRecordSchema,
  type TaskRecord,
  taskRecordSchema,
} from "../domain/records.ts";
import { withStateChange } from "../domain/stateChanges.ts";
import { isOpen } from "../domain/taskStates.ts";
import { Documents } from "./documents.ts";

const SESSIONS = "sessions";
const ACTIVE = "active";

/** Sessions, and the tasks of each session in the session's own partition. A task's id begins with its session's. */
export class TaskStore {
  private readonly sessions: Documents<SessionRecord>;
  private readonly tasks: Documents<TaskRecord>;
  private readonly active: Documents<{ id: string }>;

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
  }

  async insertSession(session: SessionRecord): Promise<void> {
    await this.sessions.insert(SESSIONS, session.id, session);
  }

  async findSession(id: string): Promise<SessionRecord | undefined> {
    if (!isId(id)) return undefined;
    return (await this.sessions.get(SESSIONS, id))?.value;
  }

  async *listSessions(): AsyncGenerator<SessionRecord> {
    for await (const { value } of this.sessions.list(SESSIONS)) yield value;
  }

  insert(task: TaskRecord): Promise<boolean> {
    return this.tasks.insert(task.sessionId, task.id, task);
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    if (!id.split("-").every(isId)) return undefined;
    return (await this.tasks.get(sessionOf(id), id))?.value;
  }

  async update(
    id: string,
    change: (task: TaskRecord) => TaskRecord | undefined,
  ): Promise<TaskRecord | undefined> {
    let isOtherState = false;
    const changed = await this.tasks.update(sessionOf(id), id, (task) => {
      const before = { state: task.state, changes: task.changes };
      const after = change(task);
      isOtherState = after !== undefined && after.state !== before.state;
      return after && withStateChange(before, after, Date.now());
    });
    if (changed && isOtherState) await this.onStateChange(changed);
    return changed;
  }

  /** Puts a task on the list of those that have an open round, so that nobody has to look through all of them. */
  async setActive(id: string): Promise<void> {
    await this.active.put(ACTIVE, id, { id });
  }

  /** Takes it off the list, unless it has been begun again in the meantime. */
  async setInactive(id: string): Promise<void> {
    await this.active.remove(ACTIVE, id);
    const task = await this.find(id);
    // Once more: the process that ended the task may have been cut off before it could tell anybody.
    if (task) await this.onStateChange(task);
    if (task && isOpen(task.state)) await this.setActive(id);
  }

  async *listActive(): AsyncGenerator<string> {
    for await (const { value } of this.active.list(ACTIVE)) yield value.id;
  }

  async *list(sessionId: string): AsyncGenerator<TaskRecord> {
    for await (const { value } of this.tasks.list(sessionId)) yield value;
  }
}

const sessionOf = (taskId: string) => taskId.split("-")[0] ?? "";
