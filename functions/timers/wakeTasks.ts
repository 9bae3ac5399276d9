import { app, type InvocationContext } from "@azure/functions";
import * as df from "durable-functions";
import { inParallel } from "../operations/inParallel.ts";
import { wakeTask } from "../operations/tasks/wakeTask.ts";
import { redacted } from "../security/redacted.ts";
import { services } from "../services.ts";
import type { WakeUp } from "../stores/wakeUps.ts";

const AT_ONCE = 16;
/** One turn ends before the next begins; what is left then is the first of that. */
const MOST = 2_000;

/** Runs what is due and heeds the windows of tasks, every minute. Reads only what is due. */
app.timer("wakeTasks", {
  schedule: "0 * * * * *",
  extraInputs: [df.input.durableClient()],
  handler: async (_timer, context: InvocationContext) => {
    const running = await services();
    const now = Date.now();
    const due: WakeUp[] = [];
    for await (const wakeUp of running.wakeUps.due(now)) if (due.push(wakeUp) === MOST) break;
    await inParallel(AT_ONCE, due, (wakeUp) =>
      wakeTask(running, df.getClient(context), wakeUp, now).catch((error: unknown) => {
        const message = redacted(String(error));
        context.error(JSON.stringify({ event: "wake-failed", task: wakeUp.taskId, message }));
      }),
    );
  },
});
