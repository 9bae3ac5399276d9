import { taskAfter } from "../domain/taskStates.ts";
import { writeReports } from "../operations/writeReports.ts";
import { type LedgerIndex, writeLedgerIndex } from "../stores/roundBlobs.ts";
import type { RunRef } from "../stores/rounds.ts";
import { defineActivity } from "./activity.ts";

/** Ends the round: checks that every scanned item has its outcome, writes index and reports, sets the states. */
export const closeRound = defineActivity("closeRound", async (ref: RunRef, app): Promise<void> => {
  const { rounds, tasks, state } = app;
  const round = await rounds.current(ref);
  const task = await tasks.find(ref.taskId);
  if (!task) throw new Error(`task ${ref.taskId} has no row`);
  const accounted = round.migrated.items + round.skipped.items + round.failed.items;
  if (accounted !== round.scan.items || round.recorded !== round.scan.segments)
    throw new Error(
      `the accounts of round R${ref.round} do not add up: ${round.scan.items} items in ${round.scan.segments} packages were scanned, ${accounted} in ${round.recorded} have an outcome`,
    );

  const index: LedgerIndex = [];
  for await (const { segment, value } of rounds.listPackages(ref.taskId, ref.round))
    index.push({ segment, first: value.summary.first, last: value.summary.last });
  await writeLedgerIndex(state.outcomes, ref, index);

  const outcome = round.failure
    ? ({ state: "Failed", event: "fail" } as const)
    : round.failed.items > 0
      ? ({ state: "CompletedWithErrors", event: "completeWithErrors" } as const)
      : ({ state: "Completed", event: "complete" } as const);
  const endedAt = new Date().toISOString();
  const closed = { ...round, state: outcome.state, endedAt };
  await writeReports(app, task, closed);
  await tasks.update(ref.taskId, (value) => ({
    ...value,
    state: value.state === "InProgress" ? taskAfter(value.state, outcome.event) : value.state,
    // A round whose scan failed half way knows nothing of the rest; the ledger before it stays in force.
    ...(!round.failure && { ledgerRound: ref.round }),
    nextIntId: Math.max(
      value.nextIntId,
      round.intIdBase + round.scan.segments * task.settings.packageItems,
    ),
  }));
  await rounds.updateRound(ref, (value) => ({ ...value, state: outcome.state, endedAt }));
  await tasks.setActive(ref.taskId, false);
});
