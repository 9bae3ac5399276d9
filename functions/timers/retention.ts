import { app, type InvocationContext } from "@azure/functions";
import { applyRetention } from "../operations/upkeep/retention.ts";
import { services } from "../services.ts";

/** Removes what packages leave in storage when it has had its time, or says what it would remove. */
app.timer("retention", {
  schedule: "0 23 * * * *",
  handler: async (_timer, context: InvocationContext) => {
    const running = await services();
    const { RETENTION } = running.config;
    if (RETENTION === "off") return;
    const dryRun = RETENTION === "dry-run";
    const result = await applyRetention(running, { dryRun });
    context.log(JSON.stringify({ event: "retention", dryRun, ...result }));
  },
});
