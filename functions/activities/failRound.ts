import type { Issue } from "../../shared/contracts/inventory.ts";
import type { RoundRecord } from "../domain/records.ts";
import { writeReports } from "../operations/reports/writeReports.ts";
import { noteEnd } from "../operations/rounds/noteEnd.ts";
import type { RunRef } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

const UNFINISHED = new Set<RoundRecord["state"]>(["InProgress", "Failed"]);

/**
 * Ends a round that could not go on as a whole. What was recorded stays, and is in the reports; running the task again goes on
 * from there.
 */
export const failRound = defineActivity(
  "failRound",
  async (ref: RunRef & { issue: Issue }, app): Promise<void> => {
    const { rounds, tasks } = app;
    const found = await rounds.find(ref.taskId, ref.round);
    // Another run has taken over, or all but the last step of closing was done.
    if (found?.run !== ref.run || !UNFINISHED.has(found.state)) return;
    if (found.state === "InProgress") {
      const endedAt = new Date().toISOString();
      await rounds.updateRound(ref, (value) => ({
        ...value,
        state: "Failed",
        failure: ref.issue,
        endedAt,
      }));
    }
    const round = await rounds.find(ref.taskId, ref.round);
    if (!round) return;
    await noteEnd(app, round);
    const task = await tasks.find(ref.taskId);
    if (task) await writeReports(app, task, round);
  },
);
