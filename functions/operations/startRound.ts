import type { DurableClient } from "durable-functions";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Settings } from "../../shared/contracts/settings.ts";
import { newId } from "../domain/ids.ts";
import type { RoundRecord, TaskRecord } from "../domain/records.ts";
import { noTotals } from "../domain/roundTotals.ts";
import { isOpen, taskAfter } from "../domain/taskStates.ts";
import type { Services } from "../services.ts";
import { roundKey } from "../stores/refs.ts";
import { loadSettings } from "./loadSettings.ts";

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
  if (isOpen(task.state)) return lookAfter(app, client, task);

  const state = taskAfter(task.state, "run");
  const last = task.round === undefined ? undefined : await rounds.find(taskId, task.round);
  const again = last?.state === "Failed" && leadsThere(task, last);
  const number = again ? last.number : (task.round ?? -1) + 1;
  // First of all the task is noted as active: should we be cut off after any of these steps, the timer goes on.
  await tasks.setActive(taskId);
  let mine = false;
  const changed = await tasks.update(taskId, (value) => {
    mine = value.state === task.state && value.round === task.round;
    return mine ? { ...value, state, round: number } : undefined;
  });
  if (!changed || !mine)
    throw new LongshoreError("CONFLICT", `task ${taskId} has just been started`);
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
  if (round && (await isAlive(client, round))) return;
  // The orchestration may have ended the task since we looked: then all is well.
  const now = await app.tasks.find(task.id);
  if (!now || !isOpen(now.state)) return;
  await beginRun(app, client, now, number);
}

/** Makes the round's row, or takes it over, for a run with its own orchestration. Whoever worked on it before is fenced off. */
async function beginRun(
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
  await client.startNew("migrateTask", {
    instanceId: instanceOf(task.id, number, run),
    input: { taskId: task.id, round: number, run },
  });
}

const instanceOf = (taskId: string, round: number, run: string) =>
  `${roundKey(taskId, round)}.${run}`;

async function isAlive(client: DurableClient, round: RoundRecord): Promise<boolean> {
  const instance = instanceOf(round.taskId, round.number, round.run);
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

/** Whether a round can go on for the task as it is now: what it has brought must be where the rest is going to be. */
function leadsThere(task: TaskRecord, round: RoundRecord): boolean {
  const place = ({ source, destination }: TaskRecord | RoundRecord) =>
    JSON.stringify([source, destination.siteUrl, destination.library, destination.folder]);
  const isUntouched = round.nextSegment === 0 && round.suspectSegments === 0;
  return isUntouched || place(task) === place(round);
}

function reopened(
  round: RoundRecord,
  task: TaskRecord,
  settings: Settings,
  run: string,
): RoundRecord {
  const { endedAt: _end, failure, target, ...rest } = round;
  // Integer ids of the round's items are counted by the size of its packages.
  const { packageItems } = round.settings;
  const wished = { ...wishes(task), settings: { ...settings, packageItems } };
  return {
    ...rest,
    // A round that failed is begun again by people, who may have mended the task; one that was cut off goes on as it was.
    ...(round.state === "Failed" && wished),
    run,
    state: "InProgress",
    suspectSegments: target
      ? Math.max(round.suspectSegments, round.nextSegment + SUSPECT_MARGIN)
      : round.suspectSegments,
    // A scan that failed did not finish: it goes on after its last segment.
    scan: { ...round.scan, finished: round.scan.finished && !failure },
  };
}
