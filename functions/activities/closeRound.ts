import { nextIntId } from "../domain/plan.ts";
import { isOpen, taskAfter } from "../domain/taskStates.ts";
import { indexRound } from "../operations/indexRound.ts";
import { writeReports } from "../operations/writeReports.ts";
import type { Services } from "../services.ts";
import type { RunRef } from "../stores/refs.ts";
import { defineActivity } from "./activity.ts";

const EVENT = {
  Completed: "complete",
  CompletedWithErrors: "completeWithErrors",
  Failed: "fail",
} as const;

/**
 * Ends the round: checks that every scanned item has its outcome, writes index and reports, sets the states. The round's row
 * comes before the task's, so that a task that is over has a round that is over.
 */
export const closeRound = defineActivity("closeRound", async (ref: RunRef, app): Promise<void> => {
  const { rounds, tasks } = app;
  const found = await rounds.find(ref.taskId, ref.round);
  const closedBefore = found?.run === ref.run && found.state !== "InProgress";
  const round = closedBefore ? found : await close(app, ref);
  if (round.state === "InProgress") throw new Error(`round R${ref.round} has not been closed`);
  const event = EVENT[round.state];
  await tasks.update(ref.taskId, (value) => ({
    ...value,
    state: isOpen(value.state) ? taskAfter("InProgress", event) : value.state,
    // A round whose scan failed half way knows nothing of the rest; the ledger before it stays in force.
    ...(!round.failure && { ledgerRound: ref.round }),
    nextIntId: nextIntId(value, round),
  }));
  await tasks.setInactive(ref.taskId);
});

async function close(app: Services, ref: RunRef) {
  const { rounds, tasks } = app;
  const round = await rounds.current(ref);
  const task = await tasks.find(ref.taskId);
  if (!task) throw new Error(`task ${ref.taskId} has no row`);
  const accounted = round.migrated.items + round.skipped.items + round.failed.items;
  if (accounted !== round.scan.items || round.recorded !== round.scan.segments)
    throw new Error(
      `the accounts of round R${ref.round} do not add up: ${round.scan.items} items in ${round.scan.segments} packages were scanned, ${accounted} in ${round.recorded} have an outcome`,
    );

  await indexRound(app, ref);

  const end = {
    state: round.failure
      ? ("Failed" as const)
      : round.failed.items > 0
        ? ("CompletedWithErrors" as const)
        : ("Completed" as const),
    endedAt: new Date().toISOString(),
  };
  const reported = await writeReports(app, task, { ...round, ...end });
  if (reported !== round.scan.items)
    throw new Error(
      `the outcomes of round R${ref.round} name ${reported} items, ${round.scan.items} were scanned`,
    );
  await rounds.updateRound(ref, (value) => ({ ...value, ...end }));
  return { ...round, ...end };
}
