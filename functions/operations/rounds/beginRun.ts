import type { DurableClient } from "durable-functions";
import type { Settings } from "../../../shared/contracts/settings.ts";
import { newId } from "../../domain/ids.ts";
import type { RoundRecord, TaskRecord } from "../../domain/records.ts";
import { noTotals } from "../../domain/rounds/roundTotals.ts";
import type { Services } from "../../services.ts";
import { roundInstance } from "../../stores/rounds/refs.ts";
import { loadSettings } from "../sessions/loadSettings.ts";
import { regroupRound } from "./regroupRound.ts";
import { tellWish, WISH } from "./stopRound.ts";

/** Segments whose rows a store that lost its last seconds may have forgotten to have been taken. */
const SUSPECT_MARGIN = 256;

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
  if (!now || round?.run !== run || round.wish) return;
  await tellWish(app, client, now, round);
  if (now.agentGroup !== round.agentGroup) await regroupRound(app, client, now);
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

/** Which segments nobody can be sure of. A round that ended by itself has noted down what it did. */
export const suspicion = ({ state, target, suspectSegments, nextSegment }: RoundRecord) => ({
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
    // One that was paused has given back all its work: other agents may go on with it.
    ...(round.state === "Paused" && { agentGroup: task.agentGroup }),
    ...(wish && { wish }),
    run,
    state: "InProgress",
    ...suspicion(round),
    // A scan that failed did not finish: it goes on after its last segment.
    scan: { ...round.scan, finished: round.scan.finished && !failure },
  };
}
