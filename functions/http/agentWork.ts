import {
  claimRequestSchema,
  claimResponseSchema,
  completeRequestSchema,
  failRequestSchema,
  heartbeatRequestSchema,
  heartbeatResponseSchema,
  releaseRequestSchema,
} from "../../shared/contracts/work.ts";
import {
  claimWork,
  completeWork,
  failWork,
  heartbeat,
  releaseWork,
} from "../operations/agents/agentWork.ts";
import { defineRoute } from "./routing/route.ts";

defineRoute(
  {
    name: "agentHeartbeat",
    method: "POST",
    route: "agent/v1/heartbeat",
    role: "agent",
    tag: "work",
    summary: "Renews the leases of an agent, with what it has done so far",
    body: heartbeatRequestSchema,
    response: heartbeatResponseSchema,
  },
  ({ app, client, agent, body }) => heartbeat(app, client, agent, body),
);

defineRoute(
  {
    name: "agentClaim",
    method: "POST",
    route: "agent/v1/work/{work}/claim",
    role: "agent",
    tag: "work",
    summary: "Leases a work item to an agent, if it is still to be had",
    body: claimRequestSchema,
    response: claimResponseSchema,
  },
  ({ app, client, agent, params, body }) => claimWork(app, client, agent, params.work, body.epoch),
);

defineRoute(
  {
    name: "agentComplete",
    method: "POST",
    route: "agent/v1/work/{work}/complete",
    role: "agent",
    tag: "work",
    summary: "Takes the result of a work item",
    body: completeRequestSchema,
  },
  ({ app, client, agent, params, body }) => completeWork(app, client, agent, params.work, body),
);

defineRoute(
  {
    name: "agentFail",
    method: "POST",
    route: "agent/v1/work/{work}/fail",
    role: "agent",
    tag: "work",
    summary: "Notes that a work item cannot be done",
    body: failRequestSchema,
  },
  ({ app, client, agent, params, body }) => failWork(app, client, agent, params.work, body),
);

defineRoute(
  {
    name: "agentRelease",
    method: "POST",
    route: "agent/v1/work/{work}/release",
    role: "agent",
    tag: "work",
    summary: "Takes a work item back unfinished",
    body: releaseRequestSchema,
  },
  ({ app, client, agent, params, body }) =>
    releaseWork(app, client, agent, params.work, body.epoch),
);
