import type { DurableClient } from "durable-functions";
import type { z } from "zod";
import type { taskCreateSchema } from "../../../shared/contracts/tasks.ts";
import type { newId } from "../../domain/ids.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { withStateChange } from "../../domain/tasks/stateChanges.ts";
import type { Services } from "../../services.ts";
import { requireSession } from "../require.ts";
import { startRound } from "../rounds/startRound.ts";
import { planWakeUps } from "./planWakeUps.ts";
import { requireTagRoom } from "./tagRoom.ts";

/** A task as it is before anybody ran it. */
export const newTask = (
  sessionId: string,
  id: string,
  { start: _start, settings, schedule, windows, ...wished }: z.output<typeof taskCreateSchema>,
): TaskRecord => ({
  id: `${sessionId}-${id}`,
  sessionId,
  ...wished,
  settings: settings ?? {},
  ...(schedule && { schedule }),
  ...(windows && { windows }),
  state: "Scheduled",
  createdAt: new Date().toISOString(),
  nextIntId: 1,
});

/** Creates a task and, unless it waits for its schedule or for people, starts it. Returns its id. */
export async function createTask(
  app: Services,
  client: DurableClient,
  sessionId: string,
  wished: z.output<typeof taskCreateSchema>,
  ids: typeof newId,
): Promise<string> {
  await requireSession(app, sessionId);
  await requireTagRoom(app, sessionId, new Set(wished.tags));
  const startsNow = (wished.start ?? (wished.schedule ? "manually" : "now")) === "now";
  return addTask(app, client, newTask(sessionId, ids(8), wished), startsNow);
}

/** Stores a new task, and starts it if wanted. Returns its id. */
export async function addTask(
  app: Services,
  client: DurableClient,
  task: TaskRecord,
  startsNow: boolean,
): Promise<string> {
  const now = Date.now();
  const created = startsNow ? withStateChange(task, { ...task, state: "Queued" }, now) : task;
  // Active before it exists: a task that was stored is started, by the timer if not by us.
  if (startsNow) await app.tasks.setActive(task.id);
  // What is noted of a task that does not come to be does no harm.
  await planWakeUps(app, created, now);
  await app.tasks.create(created);
  if (startsNow) await startRound(app, client, task.id);
  return task.id;
}
