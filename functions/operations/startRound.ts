import type { DurableClient } from "durable-functions";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { newId } from "../domain/ids.ts";
import type { RoundRecord, TaskRecord } from "../domain/records.ts";
import { isFinished, taskAfter } from "../domain/taskStates.ts";
import type { Services } from "../services.ts";
import { roundKey } from "../stores/rounds.ts";

const none = () => ({ items: 0, bytes: 0 });

const ALIVE = new Set(["Pending", "Running", "ContinuedAsNew", "Suspended"]);

/**
 * Runs a task. A finished task begins its next round; a failed round is taken up again where it stopped; a task that is in
 * progress is looked after: when its orchestration is gone (a lost task hub, an interrupted machine), a new run goes on from
 * the tables.
 */
export async function startRound(
  app: Services,
  client: DurableClient,
  taskId: string,
): Promise<TaskRecord> {
  const { tasks, rounds } = app;
  const task = await tasks.find(taskId);
  if (!task) throw new LongshoreError("NOT_FOUND", `there is no task ${taskId}`);
  const current = task.round === undefined ? undefined : await rounds.find(taskId, task.round);
  const isOpen = task.state === "InProgress" || task.state === "Queued";
  if (isOpen && current && (await isAlive(client, current))) return task;

  const run = newId(6);
  const again = current && (isOpen || current.state === "Failed") ? current : undefined;
  const number = again?.number ?? (task.round === undefined ? 0 : task.round + 1);
  if (again) {
    await rounds.change(taskId, number, (value) => reopened(value, run));
  } else {
    const created = await rounds.insert(newRound(task, number, run));
    if (!created) throw new LongshoreError("CONFLICT", `round R${number} has just been started`);
  }
  await tasks.setActive(taskId, true);
  const changed = await tasks.update(taskId, (value) => ({
    ...value,
    round: number,
    state: isFinished(value.state) ? taskAfter(value.state, "run") : value.state,
  }));
  await client.startNew("migrateTask", {
    instanceId: instanceOf(taskId, number, run),
    input: { taskId, round: number, run },
  });
  return changed ?? task;
}

const instanceOf = (taskId: string, round: number, run: string) =>
  `${roundKey(taskId, round)}.${run}`;

async function isAlive(client: DurableClient, round: RoundRecord): Promise<boolean> {
  if (round.state !== "InProgress") return false;
  const status = await client
    .getStatus(instanceOf(round.taskId, round.number, round.run))
    // The SDK throws when the task hub does not know the instance.
    .catch(() => undefined);
  return status !== undefined && ALIVE.has(String(status.runtimeStatus));
}

function newRound(task: TaskRecord, number: number, run: string): RoundRecord {
  return {
    taskId: task.id,
    number,
    run,
    state: "InProgress",
    startedAt: new Date().toISOString(),
    ...(task.ledgerRound !== undefined && { ledgerRound: task.ledgerRound }),
    intIdBase: task.nextIntId,
    interrupted: false,
    inventoryContainer: `inventory-${task.id}-r${number}`,
    scan: {
      finished: false,
      segments: 0,
      items: 0,
      files: 0,
      folders: 0,
      issues: 0,
      bytes: 0,
    },
    nextSegment: 0,
    recorded: 0,
    packaged: none(),
    uploaded: none(),
    imported: none(),
    migrated: none(),
    skipped: none(),
    failed: none(),
    agents: [],
  };
}

function reopened(round: RoundRecord, run: string): RoundRecord {
  const { endedAt: _end, failure, ...rest } = round;
  return {
    ...rest,
    run,
    state: "InProgress",
    interrupted: true,
    // A scan that failed did not finish: it goes on after its last segment.
    scan: { ...round.scan, finished: round.scan.finished && !failure },
  };
}
