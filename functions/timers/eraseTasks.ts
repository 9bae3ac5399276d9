import { app, type InvocationContext } from "@azure/functions";
import { eraseSession, isOfSession } from "../operations/sessions/deleteSession.ts";
import { eraseTask } from "../operations/tasks/eraseTask.ts";
import { redacted } from "../security/redacted.ts";
import { services } from "../services.ts";

/** One turn ends before the next begins, and long before the host's time-out. */
const WORK_MS = 45_000;

/** Removes what deleted tasks and sessions have left, a part of it every minute. */
app.timer("eraseTasks", {
  schedule: "0 * * * * *",
  handler: async (_timer, context: InvocationContext) => {
    const running = await services();
    const until = Date.now() + WORK_MS;
    for await (const tombstone of running.tombstones.list()) {
      if (Date.now() > until) return;
      const erase = isOfSession(tombstone) ? eraseSession : eraseTask;
      await erase(running, tombstone, until).catch((error: unknown) => {
        const message = redacted(String(error));
        context.error(JSON.stringify({ event: "erase-failed", task: tombstone.id, message }));
      });
    }
  },
});
