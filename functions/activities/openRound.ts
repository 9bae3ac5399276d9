import { recoverRound } from "../operations/recoverRound.ts";
import type { RunRef } from "../stores/rounds.ts";
import { defineActivity } from "./activity.ts";

/** Times an orchestrator waits, fixed when the round opens: a replay must see the same ones. */
export interface Timing {
  workCheckMs: number;
  laneCheckMs: number;
  importPollFirstMs: number;
  importPollMaxMs: number;
}

/** Takes the task in hand: finds the destination, mends what an interrupted run left, and says how to proceed. */
export const openRound = defineActivity(
  "openRound",
  async (ref: RunRef, app): Promise<{ lanes: number; timing: Timing }> => {
    const { config, rounds, tasks, destination, stateBlobs } = app;
    const task = await tasks.find(ref.taskId);
    const round = await rounds.current(ref);
    if (!task) throw new Error(`task ${ref.taskId} has no row`);
    const target = await destination.resolve(task.destination);
    await stateBlobs.getContainerClient(round.inventoryContainer).createIfNotExists();
    await recoverRound(app, ref);
    await rounds.updateRound(ref, (value) => ({ ...value, target }));
    await tasks.update(ref.taskId, (value) =>
      value.state === "Queued" ? { ...value, state: "InProgress" } : undefined,
    );
    return {
      lanes: task.settings.parallelPackages,
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
