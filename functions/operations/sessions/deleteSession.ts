import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { SessionRecord } from "../../domain/records.ts";
import { isOpen } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import type { Tombstone } from "../../stores/tombstones.ts";
import { inParallel } from "../inParallel.ts";
import { requireSession } from "../require.ts";
import { deleteTask } from "../tasks/deleteTask.ts";
import { summarise } from "./summarise.ts";

/** Tasks that are deleted at the same time: their changes are committed together. */
const AT_ONCE = 30;

/**
 * Deletes a session and all its tasks. The session is gone when this returns; its tombstone says that its tasks are to be
 * deleted. Refused while a task of it is being worked on.
 */
export async function deleteSession(
  app: Services,
  sessionId: string,
  check: (session: SessionRecord) => void,
): Promise<void> {
  check(await requireSession(app, sessionId));
  const { states } = await summarise(app, sessionId);
  const open = Object.entries(states).filter(
    ([state, tasks]) => isOpen(state as "Queued") && tasks,
  );
  if (open.length > 0) {
    const shown = open.map(([state, tasks]) => `${tasks} ${state}`).join(", ");
    throw new LongshoreError("CONFLICT", `tasks of the session are open (${shown}): cancel them`);
  }
  await app.tombstones.put({ id: sessionId, rounds: 0, deletedAt: new Date().toISOString() });
  await app.tasks.removeSession(sessionId);
}

export const isOfSession = ({ id }: Tombstone): boolean => !id.includes("-");

/**
 * Deletes the tasks of a deleted session, as many as there is time for, each with a tombstone of its own. False when some are
 * left.
 */
export async function eraseSession(
  app: Services,
  { id }: Tombstone,
  until: number,
): Promise<boolean> {
  const { tasks, tombstones } = app;
  // The deletion did not come to its end.
  if (await tasks.findSession(id)) await tasks.removeSession(id);
  for (;;) {
    const page = await tasks.page(id, { sort: "created", limit: 500 });
    if (page.tasks.length === 0) break;
    await inParallel(AT_ONCE, page.tasks, async (task) => {
      if (Date.now() < until) await deleteTask(app, task.id);
    });
    if (Date.now() >= until) return false;
  }
  await tasks.eraseIndex(id);
  await tombstones.remove(id);
  return true;
}
