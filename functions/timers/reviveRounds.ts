import { app, type InvocationContext } from "@azure/functions";
import * as df from "durable-functions";
import { reviveRound } from "../operations/rounds/startRound.ts";
import { redacted } from "../security/redacted.ts";
import { services } from "../services.ts";

/**
 * Gives every open round whose orchestration is gone a new run: a lost task hub costs minutes, not tasks. Tasks that merely wait
 * for their turn are passed over.
 */
app.timer("reviveRounds", {
  schedule: "0 */5 * * * *",
  extraInputs: [df.input.durableClient()],
  handler: async (_timer, context: InvocationContext) => {
    const running = await services();
    const client = df.getClient(context);
    const waiting = await running.admission.waiting();
    for await (const taskId of running.tasks.listActive())
      if (!waiting.has(taskId))
        await reviveRound(running, client, taskId).catch((error: unknown) => {
          const message = redacted(String(error));
          context.error(JSON.stringify({ event: "revive-failed", task: taskId, message }));
        });
  },
});
