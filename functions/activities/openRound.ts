import type { Target } from "../domain/records.ts";
import { ensureIndex } from "../operations/indexRound.ts";
import { recoverRound } from "../operations/recoverRound.ts";
import type { Services } from "../services.ts";
import type { RunRef } from "../stores/refs.ts";
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
  /** Whether an earlier run has walked the source to its end. */
  scanned: boolean;
  timing: Timing;
}

/** Takes the task in hand: finds the destination, mends what an interrupted run left, and says how to proceed. */
export const openRound = defineActivity(
  "openRound",
  async (ref: RunRef, app): Promise<OpenedRound> => {
    const { config, rounds, tasks } = app;
    const { target, destination } = await rounds.current(ref);
    if (!target) await prepare(app, ref, await app.destination.resolve(destination));
    await tasks.update(ref.taskId, (value) =>
      value.state === "Queued" ? { ...value, state: "InProgress" } : undefined,
    );
    const { scan, settings } = await rounds.current(ref);
    return {
      lanes: settings.parallelPackages,
      scanned: scan.finished,
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
  const { inventoryContainer, ledgerRound } = await rounds.current(ref);
  await stateBlobs.getContainerClient(inventoryContainer).createIfNotExists();
  const totals = await recoverRound(app, ref);
  const ledger = ledgerRound === undefined ? undefined : await rounds.find(ref.taskId, ledgerRound);
  // A library that was deleted and made again, or another folder, has nothing of what earlier rounds brought.
  const elsewhere = ledger?.target && placeOf(ledger.target) !== placeOf(target);
  if (ledgerRound !== undefined && !elsewhere)
    await ensureIndex(app, { taskId: ref.taskId, round: ledgerRound });
  await rounds.openRound(ref, ({ ledgerRound: _ledger, ...value }) => ({
    ...value,
    ...totals,
    ...(ledgerRound !== undefined && !elsewhere && { ledgerRound }),
    target,
  }));
}

const placeOf = (target: Target) => `${target.listId}/${target.folders.at(-1)?.path ?? ""}`;
