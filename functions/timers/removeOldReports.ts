import { app } from "@azure/functions";
import { removeOldReports } from "../operations/reports/removeOldReports.ts";
import { services } from "../services.ts";

/** Removes reports that have become older than an administrator wants to keep them. */
app.timer("removeOldReports", {
  schedule: "0 30 3 * * *",
  handler: async () => {
    await removeOldReports(await services(), Date.now());
  },
});
