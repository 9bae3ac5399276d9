import {
  claimRequestSchema,
  completeRequestSchema,
  failRequestSchema,
  heartbeatRequestSchema,
  releaseRequestSchema,
} from "../../shared/contracts/work.ts";
import {
  claimWork,
  completeWork,
  failWork,
  heartbeat,
  releaseWork,
} from "../operations/agentWork.ts";
import { defineRoute } from "./route.ts";

defineRoute(
  "agentHeartbeat",
  { method: "POST", route: "agent/v1/heartbeat", caller: "agent", body: heartbeatRequestSchema },
  ({ app, client, agent, body }) => heartbeat(app, client, agent, body),
);

defineRoute(
  "agentClaim",
  {
    method: "POST",
    route: "agent/v1/work/{work}/claim",
    caller: "agent",
    body: claimRequestSchema,
  },
  ({ app, client, agent, params, body }) =>
    claimWork(app, client, agent, params.work ?? "", body.epoch),
);

defineRoute(
  "agentComplete",
  {
    method: "POST",
    route: "agent/v1/work/{work}/complete",
    caller: "agent",
    body: completeRequestSchema,
  },
  ({ app, client, agent, params, body }) =>
    completeWork(app, client, agent, params.work ?? "", body),
);

defineRoute(
  "agentFail",
  { method: "POST", route: "agent/v1/work/{work}/fail", caller: "agent", body: failRequestSchema },
  ({ app, client, agent, params, body }) => failWork(app, client, agent, params.work ?? "", body),
);

defineRoute(
  "agentRelease",
  {
    method: "POST",
    route: "agent/v1/work/{work}/release",
    caller: "agent",
    body: releaseRequestSchema,
  },
  ({ app, agent, params, body }) => releaseWork(app, agent, params.work ?? "", body.epoch),
);
