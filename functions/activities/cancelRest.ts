import type { Issue } from "../../shared/contracts/inventory.ts";
import { inParallel } from "../operations/inParallel.ts";
import type { RunRef } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";
import { recordPackage } from "./recordPackage.ts";

const CANCELLED: Issue = {
  code: "CANCELLED",
  message: "the round was cancelled before it came to the item",
};
/** An activity has to end long before the host's time-out; the orchestration calls it again. */
const WORK_MS = 60_000;
const PACKAGES_AT_ONCE = 8;

/** When the round is cancelled, gives what no lane has done its outcomes. `left`: there is more to do. */
export const cancelRest = defineActivity(
  "cancelRest",
  async (ref: RunRef, app): Promise<{ cancelled: boolean; left: boolean }> => {
    const { rounds } = app;
    if ((await rounds.current(ref)).wish !== "cancel") return { cancelled: false, left: false };
    const until = Date.now() + WORK_MS;
    let left = false;
    let batch: number[] = [];
    const record = async () => {
      await inParallel(PACKAGES_AT_ONCE, batch, (segment) =>
        recordPackage.run({ ...ref, segment, issue: CANCELLED }, app),
      );
      batch = [];
    };
    for await (const { segment, value } of rounds.listPackages(ref.taskId, ref.round)) {
      if (value.state === "recorded") continue;
      left = Date.now() > until;
      if (left) break;
      batch.push(segment);
      if (batch.length === 10 * PACKAGES_AT_ONCE) await record();
    }
    await record();
    return { cancelled: true, left };
  },
);
