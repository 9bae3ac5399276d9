import { app, type InvocationContext } from "@azure/functions";
import { trimAudit } from "../operations/upkeep/auditRetention.ts";
import { applyRetention } from "../operations/upkeep/retention.ts";
import { services } from "../services.ts";

/** Removes packages in storage and audit entries that have had their time, or says what it would remove. */
app.timer("retention", {
  schedule: "0 23 * * * *",
  handler: async (_timer, context: InvocationContext) => {
    const running = await services();
    const { RETENTION } = running.config;
    if (RETENTION === "off") return;
    const dryRun = RETENTION === "dry-run";
    const result = await applyRetention(running, { dryRun });
    const auditEntries = await trimAudit(running, { dryRun });
    context.log(JSON.stringify({ event: "retention", dryRun, ...result, auditEntries }));
  },
});
