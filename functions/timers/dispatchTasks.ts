import { app, type InvocationContext } from "@azure/functions";
import * as df from "durable-functions";
import { isOpen } from "../domain/tasks/taskStates.ts";
import { dispatch } from "../operations/rounds/dispatch.ts";
import { redacted } from "../security/redacted.ts";
import { services } from "../services.ts";

/** Whoever waits for a turn gets it, even if a round ended without a word. */
app.timer("dispatchTasks", {
  schedule: "30 * * * * *",
  extraInputs: [df.input.durableClient()],
  handler: async (_timer, context: InvocationContext) => {
    const running = await services();
    const client = df.getClient(context);
    for await (const { group, taskId } of running.admission.running()) {
      const task = await running.tasks.find(taskId);
      if (!task || !isOpen(task.state)) await running.admission.leave(group, taskId);
    }
    for await (const group of running.admission.groups())
      await dispatch(running, client, group).catch((error: unknown) => {
        const message = redacted(String(error));
        context.error(JSON.stringify({ event: "dispatch-failed", group, message }));
      });
  },
});
