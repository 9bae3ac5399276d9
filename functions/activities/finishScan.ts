import type { Issue } from "../../shared/contracts/inventory.ts";
import type { RunRef } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

/** Ends the scan. When it failed, what was found until then is still migrated and the round ends as failed. */
export const finishScan = defineActivity(
  "finishScan",
  async (input: RunRef & { issue?: Issue }, { rounds }): Promise<void> => {
    await rounds.updateRound(input, (round) => ({
      ...round,
      scan: { ...round.scan, finished: true },
      ...(input.issue && { failure: input.issue }),
    }));
  },
);
