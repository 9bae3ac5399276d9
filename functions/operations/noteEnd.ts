import { nextIntId } from "../domain/plan.ts";
import type { RoundRecord } from "../domain/records.ts";
import { taskEnded } from "../domain/taskStates.ts";
import type { Services } from "../services.ts";

const EVENT = {
  Paused: "freed",
  Cancelled: "freed",
  Completed: "complete",
  CompletedWithErrors: "completeWithErrors",
  Failed: "fail",
} as const;

/** Tells the task how its round ended. The round's row comes first: a task that is over has a round that is over. */
export async function noteEnd(
  { tasks }: Pick<Services, "tasks">,
  round: RoundRecord,
): Promise<void> {
  const { taskId, number, state } = round;
  if (state === "InProgress") throw new Error(`round R${number} of ${taskId} has not ended`);
  await tasks.update(taskId, (value) => ({
    ...value,
    state: taskEnded(value.state, EVENT[state]),
    ...(isLedger(round) && { ledgerRound: number }),
    nextIntId: nextIntId(value, round),
  }));
  await tasks.setInactive(taskId);
}

/**
 * A round that does not know the whole source says nothing of the rest, and one that only scanned brought nothing; the ledger
 * before it stays in force.
 */
const isLedger = ({ state, failure, scan, settings }: RoundRecord) =>
  state !== "Paused" && !failure && scan.finished && !settings.scanOnly;
