import type { DurableClient } from "durable-functions";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { TaskPatch } from "../../../shared/contracts/tasks.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { instant } from "../../domain/tasks/schedules.ts";
import { placeOf } from "../../domain/tasks/taskPlace.ts";
import { isOpen, taskAfter } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import { missing, requireTask } from "../require.ts";
import { moveToGroup } from "./moveToGroup.ts";
import { dropWakeUps, planWakeUps, wakeUpsOf } from "./planWakeUps.ts";
import { requireTagRoom } from "./tagRoom.ts";

/** What people can change of a task: two versions of it differ in this. */
export const versionOf = (task: TaskRecord) => {
  const { name, source, destination, agentGroup, tags, settings, schedule, windows } = task;
  return { name, source, destination, agentGroup, tags, settings, schedule, windows };
};

/**
 * Changes what people may change; `check` is given the version that is changed. Of a round that runs only the agent group can
 * be another one from now on.
 */
export async function changeTask(
  app: Services,
  client: DurableClient,
  id: string,
  { schedule, ...patch }: TaskPatch,
  check: (version: unknown) => void,
): Promise<void> {
  const { tasks } = app;
  await requireTagRoom(app, id.split("-")[0] ?? "", new Set(patch.tags));
  const before = await requireTask(app, id);
  const plain = (task: TaskRecord) => {
    check(versionOf(task));
    const { schedule: before, ...rest } = task;
    const after = schedule === undefined ? before : schedule;
    const next: TaskRecord = {
      ...rest,
      ...definedOf(patch),
      ...(after && { schedule: after }),
      ...(schedule && !isUnfinished(task.state) && { state: taskAfter(task.state, "schedule") }),
    };
    if (task.round !== undefined && placeOf(task) !== placeOf(next))
      throw new LongshoreError(
        "CONFLICT",
        "source and destination cannot change once a round has begun: create another task",
      );
    return next;
  };
  const isMoved = patch.agentGroup !== undefined && patch.agentGroup !== before.agentGroup;
  const changed = isMoved
    ? await moveToGroup(app, client, before, (moved) =>
        tasks.update(before, (task) => moved(plain(task))),
      )
    : await tasks.update(before, plain);
  if (!changed) return missing("task", id);
  const now = Date.now();
  await planWakeUps(app, changed, now);
  await dropWakeUps(app, before, wakeUpsOf(changed, now), now);
  // Other windows count from now on, for what is in progress, too.
  if (patch.windows) await app.wakeUps.put({ taskId: id, at: instant(now) });
}

/** A round that is open, or paused, is not put off by a schedule. */
const isUnfinished = (state: TaskRecord["state"]) => isOpen(state) || state === "Paused";

const definedOf = <T extends object>(patch: T) =>
  Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
