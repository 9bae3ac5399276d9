import { dispatch } from "../operations/rounds/dispatch.ts";
import type { RunRef } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

/** A round has ended: whoever waits in its task's agent group gets its turn. */
export const dispatchNext = defineActivity(
  "dispatchNext",
  async ({ taskId }: RunRef, app, client): Promise<void> => {
    const task = await app.tasks.find(taskId);
    if (task?.queued) await dispatch(app, client, task.queued.group);
  },
  { client: true },
);
