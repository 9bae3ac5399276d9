import type { DurableClient } from "durable-functions";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { TaskState } from "../../../shared/contracts/tasks.ts";
import { newId } from "../../domain/ids.ts";
import type { RoundRecord, TaskRecord } from "../../domain/records.ts";
import { decideAlike } from "../../domain/settings.ts";
import { isDone, isOpen, taskAfter, taskEnded } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import { roundInstance } from "../../stores/rounds/refs.ts";
import { requireTask } from "../require.ts";
import { loadSettings } from "../sessions/loadSettings.ts";
import { beginRun, suspicion } from "./beginRun.ts";
import { dispatch, enqueue } from "./dispatch.ts";
import { noteEnd } from "./noteEnd.ts";
import { regroupRound } from "./regroupRound.ts";
import { tellWish } from "./stopRound.ts";

const ALIVE = new Set(["Pending", "Running", "ContinuedAsNew", "Suspended"]);

/**
 * Runs a task. A finished task begins its next round; a failed round is taken up again where it stopped, unless the task leads
 * elsewhere by now; a task that is in progress is looked after, and the answer is false. Otherwise it is the task's state.
 */
export async function startRound(
  app: Services,
  client: DurableClient,
  taskId: string,
): Promise<TaskState | false> {
  const task = await requireTask(app, taskId);
  if (isDone(task, "run")) {
    await lookAfter(app, client, task);
    return false;
  }
  taskAfter(task.state, "run");
  const last = task.round === undefined ? undefined : await app.rounds.find(taskId, task.round);
  const again = last !== undefined && goesOn(last) && (await leadsThere(app, task, last));
  // A round that was cancelled before it began has left its number.
  const number = again || !last ? (task.round ?? 0) : last.number + 1;
  return queue(app, client, task, "run", number);
}

/** Goes on with a paused round where it was. One that is still pausing is taken over as it stands. Returns the task's state. */
export async function resumeRound(
  app: Services,
  client: DurableClient,
  taskId: string,
): Promise<TaskState> {
  const task = await requireTask(app, taskId);
  return queue(app, client, task, "resume", task.round ?? 0);
}

/** A round that did not see its source to the end is not followed by another one: it goes on. */
const goesOn = ({ state, scan }: RoundRecord) =>
  state === "Failed" || (state === "Cancelled" && !scan.finished);

async function queue(
  app: Services,
  client: DurableClient,
  task: TaskRecord,
  event: "run" | "resume",
  number: number,
): Promise<TaskState> {
  const { tasks } = app;
  const state = taskAfter(task.state, event);
  const queued = { at: new Date().toISOString(), group: task.agentGroup };
  // First of all the task is noted as active: should we be cut off after any of these steps, the timer goes on.
  await tasks.setActive(task.id);
  let mine = false;
  const changed = await tasks.update(task, ({ paused: _paused, ...value }) => {
    mine = value.state === task.state && value.round === task.round;
    return mine ? { ...value, state, round: number, queued } : undefined;
  });
  if (!changed || !mine)
    throw new LongshoreError("CONFLICT", `task ${task.id} has just been started`);
  await enqueue(app, changed);
  await dispatch(app, client, queued.group);
  return state;
}

/**
 * Gives the open round of a task a new run if its orchestration is gone (a lost task hub, an interrupted machine); the new run
 * goes on from the tables. A task that is finished is left alone: only people and schedules begin a round.
 */
export async function reviveRound(
  app: Services,
  client: DurableClient,
  taskId: string,
): Promise<void> {
  const task = await app.tasks.find(taskId);
  if (task && isOpen(task.state)) await lookAfter(app, client, task);
  else await app.tasks.setInactive(taskId);
}

async function lookAfter(app: Services, client: DurableClient, task: TaskRecord): Promise<void> {
  const number = task.round ?? 0;
  const round = await app.rounds.find(task.id, number);
  const isTakenOver = task.state === "Cancelling" && round?.wish === "pause";
  if (round && !isTakenOver && (await isAlive(client, round))) {
    if (round.agentGroup !== task.agentGroup) await regroupRound(app, client, task);
    return tellWish(app, client, task, round);
  }
  // The orchestration may have ended the task since we looked: then all is well.
  const now = await app.tasks.find(task.id);
  if (!now || !isOpen(now.state)) return;
  if (now.state === "Pausing") await putAside(app, now, number);
  else if (now.state === "Queued") await queueAgain(app, client, now);
  else await beginRun(app, client, now, number);
}

/** A queued task keeps its place, gets one if it has none, and goes on if it has its turn. */
async function queueAgain(app: Services, client: DurableClient, task: TaskRecord): Promise<void> {
  const { tasks, admission } = app;
  const now = { at: new Date().toISOString(), group: task.agentGroup };
  const placed = task.queued
    ? task
    : await tasks.update(task.id, (value) =>
        value.state === "Queued" ? { ...value, queued: value.queued ?? now } : undefined,
      );
  const { at, group } = placed?.queued ?? now;
  if (placed?.state !== "Queued") return;
  if (await admission.hasTurn(group, task.id))
    return beginRun(app, client, placed, placed.round ?? 0);
  await admission.enqueue({ at, group, taskId: task.id });
  await dispatch(app, client, group);
}

/** A round that was to pause, and that nobody works on any more, is paused as it stands. */
async function putAside(app: Services, task: TaskRecord, number: number): Promise<void> {
  const { tasks, rounds } = app;
  const run = newId(6);
  const round = await rounds.change(task.id, number, (value) =>
    value.state === "InProgress"
      ? { ...value, run, state: "Paused", ...suspicion(value) }
      : undefined,
  );
  if (round) return noteEnd(app, round);
  await tasks.update(task.id, (value) => ({ ...value, state: taskEnded(value.state, "freed") }));
  await tasks.setInactive(task.id);
}

async function isAlive(client: DurableClient, round: RoundRecord): Promise<boolean> {
  const { taskId, number, run } = round;
  const instance = roundInstance({ taskId, round: number, run });
  const status = await client.getStatus(instance).catch((error: Error) => {
    // durable-functions 3.5 throws for an instance that the task hub does not know; any other error says nothing.
    if (error.message.includes("HTTP 404")) return undefined;
    throw error;
  });
  return status !== undefined && ALIVE.has(String(status.runtimeStatus));
}

/**
 * Whether a round can go on for the task as it is now: what it has brought must be where the rest is going to be, and what it
 * left out is left out still.
 */
async function leadsThere(app: Services, task: TaskRecord, round: RoundRecord): Promise<boolean> {
  const place = ({ source, destination }: TaskRecord | RoundRecord) =>
    JSON.stringify([source, destination.siteUrl, destination.library, destination.folder]);
  const isUntouched = round.nextSegment === 0 && round.suspectSegments === 0;
  if (isUntouched) return true;
  return place(task) === place(round) && decideAlike(round.settings, await loadSettings(app, task));
}
