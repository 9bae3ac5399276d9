import { nextIntId } from "../../domain/packages/plan.ts";
import type { RoundRecord } from "../../domain/records.ts";
import { lastRoundOf } from "../../domain/rounds/lastRound.ts";
import { taskEnded } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import { leaveTurn } from "./dispatch.ts";

const EVENT = {
  Paused: "freed",
  Cancelled: "freed",
  Completed: "complete",
  CompletedWithErrors: "completeWithErrors",
  Failed: "fail",
} as const;

/** Tells the task how its round ended. The round's row comes first: a task that is over has a round that is over. */
export async function noteEnd(app: Services, round: RoundRecord): Promise<void> {
  const { tasks } = app;
  const { taskId, number, state } = round;
  if (state === "InProgress") throw new Error(`round R${number} of ${taskId} has not ended`);
  const task = await tasks.update(taskId, (value) => ({
    ...value,
    state: taskEnded(value.state, EVENT[state]),
    ...(isLedger(round) && { ledgerRound: number }),
    lastRound: lastRoundOf(round),
    nextIntId: nextIntId(value, round),
  }));
  if (task) await leaveTurn(app, task);
  await tasks.setInactive(taskId);
}

/**
 * A round that does not know the whole source says nothing of the rest, and one that only scanned brought nothing; the ledger
 * before it stays in force.
 */
const isLedger = ({ state, failure, scan, settings }: RoundRecord) =>
  state !== "Paused" && !failure && scan.finished && !settings.scanOnly;
