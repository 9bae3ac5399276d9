import { app } from "@azure/functions";
import { services } from "../services.ts";

/** Forgets answers to idempotency keys that nobody can ask for any more. */
app.timer("forgetRequests", {
  schedule: "0 20 * * * *",
  handler: async () => {
    const { idempotency } = await services();
    await idempotency.removeOld(Date.now());
  },
});
