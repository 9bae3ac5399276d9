import { app } from "@azure/functions";
import { deliverWebhooks as deliver } from "../operations/upkeep/deliverWebhooks.ts";
import { services } from "../services.ts";

/** Tells webhooks what is due. A timer runs in one place at a time, so nothing is told twice but after a crash. */
app.timer("deliverWebhooks", {
  schedule: "*/5 * * * * *",
  handler: async () => deliver(await services()),
});
