import type { DurableClient } from "durable-functions";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Settings } from "../../shared/contracts/settings.ts";
import type { TaskState } from "../../shared/contracts/tasks.ts";
import { newId } from "../domain/ids.ts";
import type { RoundRecord, TaskRecord } from "../domain/records.ts";
import { noTotals } from "../domain/roundTotals.ts";
import { decideAlike } from "../domain/settings.ts";
import { isOpen, taskAfter, taskEnded } from "../domain/taskStates.ts";
import type { Services } from "../services.ts";
import { roundInstance } from "../stores/refs.ts";
import { loadSettings } from "./loadSettings.ts";
import { noteEnd } from "./noteEnd.ts";
import { stopRound } from "./stopRound.ts";

const ALIVE = new Set(["Pending", "Running", "ContinuedAsNew", "Suspended"]);

/** Segments whose rows a store that lost its last seconds may have forgotten to have been taken. */
const SUSPECT_MARGIN = 256;

/**
 * Runs a task. A finished task begins its next round; a failed round is taken up again where it stopped, unless the task leads
 * elsewhere by now; a task that is in progress is looked after.
 */
export async function startRound(
  app: Services,
  client: DurableClient,
  taskId: string,
): Promise<void> {
  const { tasks, rounds } = app;
  const task = await tasks.find(taskId);
  if (!task) throw new LongshoreError("NOT_FOUND", `there is no task ${taskId}`);
  if (task.state === "Queued" || task.state === "InProgress") return lookAfter(app, client, task);

  taskAfter(task.state, "run");
  const last = task.round === undefined ? undefined : await rounds.find(taskId, task.round);
  const again = last !== undefined && goesOn(last) && (await leadsThere(app, task, last));
  const number = again ? last.number : (task.round ?? -1) + 1;
  await queue(app, client, task, "run", number);
}

/** Goes on with a paused round where it was. One that is still pausing is taken over as it stands. */
export async function resumeRound(
  app: Services,
  client: DurableClient,
  taskId: string,
): Promise<void> {
  const task = await app.tasks.find(taskId);
  if (!task) throw new LongshoreError("NOT_FOUND", `there is no task ${taskId}`);
  await queue(app, client, task, "resume", task.round ?? 0);
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
): Promise<void> {
  const { tasks } = app;
  const state = taskAfter(task.state, event);
  // First of all the task is noted as active: should we be cut off after any of these steps, the timer goes on.
  await tasks.setActive(task.id);
  let mine = false;
  const changed = await tasks.update(task.id, ({ paused: _paused, ...value }) => {
    mine = value.state === task.state && value.round === task.round;
    return mine ? { ...value, state, round: number } : undefined;
  });
  if (!changed || !mine)
    throw new LongshoreError("CONFLICT", `task ${task.id} has just been started`);
  await beginRun(app, client, changed, number);
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
  if (round && !isTakenOver && (await isAlive(client, round)))
    return tellWish(app, client, task, round);
  // The orchestration may have ended the task since we looked: then all is well.
  const now = await app.tasks.find(task.id);
  if (!now || !isOpen(now.state)) return;
  if (now.state === "Pausing") await putAside(app, now, number);
  else await beginRun(app, client, now, number);
}

/** What people want stands in the task's row first; the round's may have missed it. */
async function tellWish(
  app: Services,
  client: DurableClient,
  task: TaskRecord,
  round: RoundRecord,
): Promise<void> {
  const wish = WISH[task.state];
  if (!wish || round.state !== "InProgress") return;
  await stopRound(app, client, round, wish);
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

const WISH: Partial<Record<TaskState, "pause" | "cancel">> = {
  Pausing: "pause",
  Cancelling: "cancel",
};

/** Makes the round's row, or takes it over, for a run with its own orchestration. Whoever worked on it before is fenced off. */
export async function beginRun(
  app: Services,
  client: DurableClient,
  task: TaskRecord,
  number: number,
): Promise<void> {
  const { tasks, rounds } = app;
  const run = newId(6);
  const settings = await loadSettings(app, task);
  // Again, now that the task is open: somebody may just have taken it off the list as a finished one.
  await tasks.setActive(task.id);
  if (task.round === undefined)
    await tasks.update(task.id, (value) => ({ ...value, round: value.round ?? number }));
  if (!(await rounds.insert(newRound(task, settings, number, run))))
    await rounds.change(task.id, number, (value) => reopened(value, task, settings, run));
  const ref = { taskId: task.id, round: number, run };
  await client.startNew("migrateTask", { instanceId: roundInstance(ref), input: ref });
  // Whoever wanted something of the round before it had its row has told the task only.
  const now = await tasks.find(task.id);
  const round = await rounds.find(task.id, number);
  if (now && round?.run === run && !round.wish) await tellWish(app, client, now, round);
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

function newRound(task: TaskRecord, settings: Settings, number: number, run: string): RoundRecord {
  return {
    taskId: task.id,
    number,
    run,
    state: "InProgress",
    startedAt: new Date().toISOString(),
    ...wishes(task),
    settings,
    ...(task.ledgerRound !== undefined && { ledgerRound: task.ledgerRound }),
    intIdBase: task.nextIntId,
    suspectSegments: 0,
    inventoryContainer: `inventory-${task.id}-r${number}`,
    ...noTotals(),
    agents: [],
  };
}

/** What a task asks of its round. */
const wishes = ({ source, destination, agentGroup }: TaskRecord) => ({
  source,
  destination,
  agentGroup,
});

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

/** Which segments nobody can be sure of. A round that ended by itself has noted down what it did. */
const suspicion = ({ state, target, suspectSegments, nextSegment }: RoundRecord) => ({
  suspectSegments:
    target && (state === "InProgress" || state === "Failed")
      ? Math.max(suspectSegments, nextSegment + SUSPECT_MARGIN)
      : suspectSegments,
});

function reopened(
  round: RoundRecord,
  task: TaskRecord,
  settings: Settings,
  run: string,
): RoundRecord {
  const { endedAt: _end, failure, target: _target, wish: _wish, ...rest } = round;
  const wish = WISH[task.state];
  // Integer ids of the round's items are counted by the size of its packages.
  const { packageItems } = round.settings;
  const wished = { ...wishes(task), settings: { ...settings, packageItems } };
  return {
    ...rest,
    // A round that failed is begun again by people, who may have mended the task; one that was cut off goes on as it was.
    ...((round.state === "Failed" || round.state === "Cancelled") && wished),
    ...(wish && { wish }),
    run,
    state: "InProgress",
    ...suspicion(round),
    // A scan that failed did not finish: it goes on after its last segment.
    scan: { ...round.scan, finished: round.scan.finished && !failure },
  };
}
