import type { TaskRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { inParallel } from "../inParallel.ts";
import { planWakeUps } from "./planWakeUps.ts";
import { requireTagRoom } from "./tagRoom.ts";

const AT_ONCE = 16;

/** Stores many new tasks of a session. Returns the twins of those that were not created because of them. */
export async function storeTasks(
  app: Pick<Services, "tasks" | "wakeUps">,
  sessionId: string,
  tasks: readonly TaskRecord[],
): Promise<Map<string, string>> {
  await requireTagRoom(app, sessionId, new Set(tasks.flatMap(({ tags }) => tags)));
  // Before they exist: a task that was stored is never forgotten.
  const scheduled = tasks.filter(({ schedule }) => schedule);
  await inParallel(AT_ONCE, scheduled, (task) => planWakeUps(app, task, Date.now()));
  return app.tasks.createMany(sessionId, tasks);
}
