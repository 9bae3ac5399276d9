import {
  type AgentView,
  agentListSchema,
  enrolmentTokenRequestSchema,
  enrolmentTokenResponseSchema,
} from "../../shared/contracts/agents.ts";
import { agentState } from "../domain/agentStates.ts";
import { newEnrolmentToken } from "../security/enrolmentTokens.ts";
import { defineRoute } from "./route.ts";

defineRoute(
  {
    name: "createEnrolmentToken",
    method: "POST",
    route: "v1/enrolment-tokens",
    role: "administrator",
    tag: "agents",
    summary: "Makes a token that lets agents enrol; it is shown this once",
    body: enrolmentTokenRequestSchema,
    response: enrolmentTokenResponseSchema,
    status: 201,
  },
  async ({ app, body }) => {
    const { token, record } = newEnrolmentToken(body.uses, body.validHours, Date.now());
    await app.agents.insertToken(record);
    return { token, expires: record.expires };
  },
);

defineRoute(
  {
    name: "listAgents",
    method: "GET",
    route: "v1/agents",
    role: "reader",
    tag: "agents",
    summary: "Lists the agents",
    response: agentListSchema,
  },
  async ({ app }) => {
    const now = Date.now();
    const agents: AgentView[] = [];
    for await (const { publicKey: _key, busy, ...agent } of app.agents.list())
      agents.push({
        ...agent,
        state: agentState({ ...agent, busy }, app.config.HEARTBEAT_SECONDS, now),
      });
    return { agents };
  },
);
