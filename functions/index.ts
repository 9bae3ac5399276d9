import { app } from "@azure/functions";
/** Every trigger of the control plane. */
import "./http/agentEnrol.ts";
import "./http/agents.ts";
import "./http/agentWork.ts";
import "./http/audit.ts";
import "./http/bulk.ts";
import "./http/enrolmentTokens.ts";
import "./http/me.ts";
import "./http/noSuchRoute.ts";
import "./http/openapi.ts";
import "./http/reports.ts";
import "./http/scans.ts";
import "./http/sessions.ts";
import "./http/settings.ts";
import "./http/taskActions.ts";
import "./http/tasks.ts";
import "./http/userMap.ts";
import "./http/webhooks.ts";
import "./orchestrations/agentWork.ts";
import "./orchestrations/importPackage.ts";
import "./orchestrations/migratePackage.ts";
import "./orchestrations/migrateTask.ts";
import "./orchestrations/packageLane.ts";
import "./orchestrations/scanSource.ts";
import "./timers/deliverWebhooks.ts";
import "./timers/forgetRequests.ts";
import "./timers/dispatchTasks.ts";
import "./timers/eraseTasks.ts";
import "./timers/retention.ts";
import "./timers/removeOldReports.ts";
import "./timers/reviveRounds.ts";
import "./timers/wakeTasks.ts";

// Reports may be larger than what fits into one message between the host and its worker: bodies are streams.
app.setup({ enableHttpStream: true });
