import type { RoundRecord } from "../domain/records.ts";
import { writeReports } from "../operations/reports/writeReports.ts";
import { indexRound } from "../operations/rounds/indexRound.ts";
import { noteEnd } from "../operations/rounds/noteEnd.ts";
import type { Services } from "../services.ts";
import type { RunRef } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

/**
 * Ends the round: checks that every scanned item has its outcome, writes index and reports, sets the states. The round's row
 * comes before the task's, so that a task that is over has a round that is over. A round that pauses is only put aside, unless
 * it came to its end first. `closed` is false when people have cancelled it just now and what is left has not been `cancelled`.
 */
export const closeRound = defineActivity(
  "closeRound",
  async (
    { cancelled, ...ref }: RunRef & { cancelled: boolean },
    app,
  ): Promise<{ closed: boolean }> => {
    const { rounds } = app;
    const found = await rounds.find(ref.taskId, ref.round);
    const closedBefore = found?.run === ref.run && found.state !== "InProgress";
    const round = closedBefore ? found : await close(app, ref, cancelled);
    if (round.state === "InProgress") return { closed: false };
    await noteEnd(app, round);
    return { closed: true };
  },
);

async function close(app: Services, ref: RunRef, cancelled: boolean): Promise<RoundRecord> {
  const { rounds, tasks } = app;
  const round = await rounds.current(ref);
  const task = await tasks.find(ref.taskId);
  if (!task) throw new Error(`task ${ref.taskId} has no row`);
  const through = round.recorded === round.scan.segments;
  if (round.wish === "cancel" && !through && !cancelled) return round;
  if (round.wish === "pause" && !(through && round.scan.finished)) return end(app, ref, "Paused");
  const accounted = round.migrated.items + round.skipped.items + round.failed.items;
  if (accounted !== round.scan.items || !through)
    throw new Error(
      `the accounts of round R${ref.round} do not add up: ${round.scan.items} items in ${round.scan.segments} packages were scanned, ${accounted} in ${round.recorded} have an outcome`,
    );

  await indexRound(app, ref);

  const state = endOf(round);
  const endedAt = new Date().toISOString();
  const reported = await writeReports(app, task, { ...round, state, endedAt });
  if (reported !== round.scan.items)
    throw new Error(
      `the outcomes of round R${ref.round} name ${reported} items, ${round.scan.items} were scanned`,
    );
  return end(app, ref, state, endedAt);
}

type End = Exclude<RoundRecord["state"], "InProgress">;

/** What was cancelled too late to miss anything has come to its proper end. */
function endOf({ wish, cancelled, scan, failure, failed }: RoundRecord): End {
  if (wish === "cancel" && (cancelled > 0 || failure || !scan.finished)) return "Cancelled";
  if (failure) return "Failed";
  return failed.items > 0 ? "CompletedWithErrors" : "Completed";
}

async function end(
  { rounds }: Services,
  ref: RunRef,
  state: End,
  endedAt = new Date().toISOString(),
): Promise<RoundRecord> {
  await rounds.updateRound(ref, (value) => ({ ...value, state, endedAt }));
  return (await rounds.find(ref.taskId, ref.round)) as RoundRecord;
}
