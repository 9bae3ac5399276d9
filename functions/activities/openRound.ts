import { asksForPeople } from "../domain/people/packagePeople.ts";
import type { Target } from "../domain/records.ts";
import { withSample } from "../domain/rounds/progress.ts";
import { taskAfter } from "../domain/tasks/taskStates.ts";
import { noteBefore } from "../operations/packages/existingItems.ts";
import { findTarget } from "../operations/packages/findTarget.ts";
import { ensureIndex } from "../operations/rounds/indexRound.ts";
import { recoverRound } from "../operations/rounds/recoverRound.ts";
import type { Services } from "../services.ts";
import type { RunRef } from "../stores/rounds/refs.ts";
import { beginPeople } from "../stores/userMap.ts";
import { defineActivity } from "./activity.ts";

/** Times an orchestrator waits, fixed when the round opens: a replay must see the same ones. */
export interface Timing {
  workCheckMs: number;
  laneCheckMs: number;
  importPollFirstMs: number;
  importPollMaxMs: number;
}

export interface OpenedRound {
  lanes: number;
  /** Whether nothing is to be walked: an earlier run has been through the source, or the round is to stop. */
  scanned: boolean;
  timing: Timing;
}

/**
 * Takes the task in hand: finds the destination, mends what an interrupted run left, and says how to proceed. A round that is to
 * pause before it was opened is left as it is.
 */
export const openRound = defineActivity(
  "openRound",
  async (ref: RunRef, app): Promise<OpenedRound> => {
    const { config, rounds, tasks } = app;
    const { target, wish, ...round } = await rounds.current(ref);
    const opens = wish !== "pause";
    if (!target && opens) await prepare(app, ref, await findTarget(app, round));
    await tasks.update(ref.taskId, (value) =>
      value.state === "Queued" ? { ...value, state: taskAfter(value.state, "begin") } : undefined,
    );
    const { scan, settings } = await rounds.current(ref);
    return {
      lanes: opens ? settings.parallelPackages : 0,
      scanned: scan.finished || wish !== undefined,
      timing: {
        // An expired lease is noticed within half a lease.
        workCheckMs: (config.LEASE_SECONDS * 1000) / 2,
        laneCheckMs: 5_000,
        importPollFirstMs: config.IMPORT_POLL_FIRST_MS,
        importPollMaxMs: config.IMPORT_POLL_MAX_MS,
      },
    };
  },
);

async function prepare(app: Services, ref: RunRef, target: Target): Promise<void> {
  const { rounds, stateBlobs } = app;
  const { inventoryContainer, ledgerRound, settings } = await rounds.current(ref);
  if (asksForPeople(settings)) await beginPeople(app.state.plans, ref);
  await stateBlobs.getContainerClient(inventoryContainer).createIfNotExists();
  const totals = await recoverRound(app, ref);
  const ledger = ledgerRound === undefined ? undefined : await rounds.find(ref.taskId, ledgerRound);
  // A library that was deleted and made again, or another folder, has nothing of what earlier rounds brought.
  const elsewhere = ledger?.target && placeOf(ledger.target) !== placeOf(target);
  if (ledgerRound !== undefined && !elsewhere)
    await ensureIndex(app, { taskId: ref.taskId, round: ledgerRound });
  if (ledgerRound === undefined || elsewhere) await noteBefore(app, ref, target);
  await rounds.openRound(ref, ({ ledgerRound: _ledger, ...value }) => ({
    ...value,
    ...totals,
    samples: withSample([], totals, Date.now()),
    ...(ledgerRound !== undefined && !elsewhere && { ledgerRound }),
    target,
  }));
}

const placeOf = (target: Target) => `${target.listId}/${target.folders.at(-1)?.path ?? ""}`;
