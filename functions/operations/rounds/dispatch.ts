import type { DurableClient } from "durable-functions";
import { newId } from "../../domain/ids.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { instant, outsideWindows, windowState } from "../../domain/tasks/schedules.ts";
import { taskAfter } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import type { Admission } from "../../stores/admission.ts";
import { GroupCommit } from "../../stores/storage/groupCommit.ts";
import { planWakeUps } from "../tasks/planWakeUps.ts";
import { beginRun } from "./beginRun.ts";

/** Puts a queued task into the queue of its agent group, at the place it has. */
export async function enqueue({ admission }: Services, task: TaskRecord): Promise<void> {
  if (task.queued) await admission.enqueue({ ...task.queued, taskId: task.id });
}

interface Asked {
  id: string;
  app: Services;
  client: DurableClient;
}
type Dispatches = GroupCommit<Asked, undefined>;

/** What this process is dispatching, by group. */
const underWay = new WeakMap<Admission, Dispatches>();

/**
 * Begins the oldest queued tasks of an agent group, as many as may have a round in progress at the same time. Who asks while
 * that is being done waits for the next time, with everybody else who asks: a thousand tasks are queued by looking a few times.
 */
export async function dispatch(app: Services, client: DurableClient, group: string): Promise<void> {
  const dispatches = underWay.get(app.admission) ?? new GroupCommit(dispatchesOf, Infinity);
  underWay.set(app.admission, dispatches);
  await dispatches.add(group, { id: newId(), app, client });
}

const dispatchesOf = (group: string) => async (asked: readonly Asked[]) => {
  const { app, client } = asked.at(-1) as Asked;
  await beginOldest(app, client, group);
  return asked.map(() => undefined);
};

async function beginOldest(app: Services, client: DurableClient, group: string): Promise<void> {
  const { admission, tasks, config } = app;
  for (;;) {
    const taskId = await admission.admit(group, config.TASKS_AT_ONCE);
    if (taskId === undefined) return;
    const task = await tasks.find(taskId);
    // It may have been paused, cancelled or deleted since it was queued.
    if (task?.state === "Queued" && !(await holdOutsideWindows(app, task))) {
      await planWakeUps(app, task, Date.now());
      await beginRun(app, client, task, task.round ?? 0);
    } else await admission.leave(group, taskId);
  }
}

/** Pauses a queued task that may not work now, until its next window opens. False when it may. */
async function holdOutsideWindows(app: Services, task: TaskRecord): Promise<boolean> {
  const now = Date.now();
  const { open, changesAt } = windowState(task.windows, now);
  if (open) return false;
  const paused = { by: "window" as const, reason: outsideWindows(changesAt), at: instant(now) };
  const held = await app.tasks.update(task.id, (value) =>
    value.state === "Queued"
      ? { ...value, state: taskAfter(value.state, "pause"), paused }
      : undefined,
  );
  if (held) await planWakeUps(app, held, now);
  await app.tasks.setInactive(task.id);
  return true;
}

/** Takes a task off the queue. False when it does not wait there: it has its turn, or none is due to it. */
export async function leaveQueue(
  { admission }: Pick<Services, "admission">,
  { id, state, queued }: TaskRecord,
): Promise<boolean> {
  return (
    state === "Queued" && queued !== undefined && admission.withdraw({ ...queued, taskId: id })
  );
}

/** The round of a task is over or put aside: it has had its turn. */
export async function leaveTurn({ admission }: Pick<Services, "admission">, task: TaskRecord) {
  if (task.queued) await admission.leave(task.queued.group, task.id);
}
