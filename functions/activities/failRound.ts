import type { Issue } from "../../shared/contracts/inventory.ts";
import { isFinished } from "../domain/taskStates.ts";
import type { RunRef } from "../stores/rounds.ts";
import { defineActivity } from "./activity.ts";

/** Ends a round that could not go on as a whole. What was recorded stays; running the task again goes on from there. */
export const failRound = defineActivity(
  "failRound",
  async (ref: RunRef & { issue: Issue }, { rounds, tasks }): Promise<void> => {
    const round = await rounds.find(ref.taskId, ref.round);
    if (round?.run !== ref.run || round.state !== "InProgress") return;
    await tasks.update(ref.taskId, (task) =>
      isFinished(task.state) ? undefined : { ...task, state: "Failed" },
    );
    await rounds.updateRound(ref, (value) => ({
      ...value,
      state: "Failed",
      failure: ref.issue,
      endedAt: new Date().toISOString(),
    }));
    await tasks.setActive(ref.taskId, false);
  },
);
