import { app, type InvocationContext } from "@azure/functions";
import * as df from "durable-functions";
import { wakeTask } from "../operations/wakeTask.ts";
import { redacted } from "../security/redacted.ts";
import { services } from "../services.ts";

/** Runs what is due and heeds the windows of tasks, every minute. Reads only what is due. */
app.timer("wakeTasks", {
  schedule: "0 * * * * *",
  extraInputs: [df.input.durableClient()],
  handler: async (_timer, context: InvocationContext) => {
    const running = await services();
    const now = Date.now();
    for await (const wakeUp of running.wakeUps.due(now))
      await wakeTask(running, df.getClient(context), wakeUp, now).catch((error: unknown) => {
        const message = redacted(String(error));
        context.error(JSON.stringify({ event: "wake-failed", task: wakeUp.taskId, message }));
      });
  },
});
