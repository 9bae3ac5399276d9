import {
  enrolRequestSchema,
  enrolResponseSchema,
  helloRequestSchema,
  helloResponseSchema,
} from "../../shared/contracts/agents.ts";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { isId, newId } from "../domain/ids.ts";
import { parseEnrolmentToken } from "../security/enrolmentTokens.ts";
import { defineRoute } from "./route.ts";

/** How long an agent may listen on its queue before it has to ask again. */
const QUEUE_TOKEN_HOURS = 8;

defineRoute(
  {
    name: "agentEnrol",
    method: "POST",
    route: "agent/v1/enrol",
    role: "anyone",
    tag: "work",
    summary: "Enrols an agent with a token and the public half of its key pair",
    body: enrolRequestSchema,
    response: enrolResponseSchema,
    status: 201,
  },
  async ({ app, body }) => {
    const { token, ...agent } = body;
    const { id, matches } = parseEnrolmentToken(token);
    if (!isId(id) || !(await app.agents.useToken(id, matches, Date.now())))
      throw new LongshoreError("ENROLMENT_REFUSED");
    const now = new Date().toISOString();
    const agentId = newId();
    await app.agents.insert({
      ...agent,
      id: agentId,
      slots: 0,
      busy: 0,
      enrolledAt: now,
      lastSeenAt: now,
    });
    return { agentId };
  },
);

defineRoute(
  {
    name: "agentHello",
    method: "POST",
    route: "agent/v1/hello",
    role: "agent",
    tag: "work",
    summary: "Tells an agent its queue and a credential to listen on it",
    body: helloRequestSchema,
    response: helloResponseSchema,
  },
  async ({ app, agent, body }) => {
    const expires = new Date(Date.now() + QUEUE_TOKEN_HOURS * 3600_000);
    await app.agents.update(agent.id, (row) => ({
      ...row,
      version: body.version,
      slots: body.slots,
      lastSeenAt: new Date().toISOString(),
    }));
    return {
      name: agent.name,
      group: agent.group,
      queueConnection: app.queues.listenConnection(agent.group, expires),
      queue: app.queues.queueOf(agent.group),
      queueExpires: expires.toISOString(),
      heartbeatSeconds: app.config.HEARTBEAT_SECONDS,
    };
  },
);
