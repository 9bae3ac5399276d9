import { app, type InvocationContext } from "@azure/functions";
import * as df from "durable-functions";
import { reviveRound } from "../operations/startRound.ts";
import { services } from "../services.ts";

/** Gives every open round whose orchestration is gone a new run. A lost task hub costs minutes, not tasks. */
app.timer("reviveRounds", {
  schedule: "0 */5 * * * *",
  extraInputs: [df.input.durableClient()],
  handler: async (_timer, context: InvocationContext) => {
    const running = await services();
    for await (const taskId of running.tasks.listActive())
      await reviveRound(running, df.getClient(context), taskId).catch((error: unknown) =>
        context.error(
          JSON.stringify({ event: "revive-failed", task: taskId, message: String(error) }),
        ),
      );
  },
});
