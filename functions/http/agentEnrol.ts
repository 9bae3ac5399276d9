import {
  ACCEPTED_PROTOCOLS,
  enrolRequestSchema,
  enrolResponseSchema,
  helloRequestSchema,
  helloResponseSchema,
  sourceCheckAnswerSchema,
} from "../../shared/contracts/agents.ts";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { isId, newId } from "../domain/ids.ts";
import { answerSourceCheck } from "../operations/agents/agents.ts";
import { takeBackWork } from "../operations/agents/takeBackWork.ts";
import { parseEnrolmentToken } from "../security/enrolmentTokens.ts";
import { defineRoute } from "./routing/route.ts";

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
    const { token, group, ...agent } = body;
    const { id, matches } = parseEnrolmentToken(token);
    const used = isId(id) && (await app.agents.useToken(id, { matches, group }, Date.now()));
    if (!used) throw new LongshoreError("ENROLMENT_REFUSED");
    const now = new Date().toISOString();
    const agentId = newId();
    await app.agents.insert({
      ...agent,
      id: agentId,
      group: group ?? used.group ?? "default",
      slots: 0,
      busy: 0,
      enabled: true,
      sourceRoots: [],
      checks: [],
      work: [],
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
    const { fresh, ...facts } = body;
    await app.agents.update(agent.id, (row) => ({
      ...row,
      ...facts,
      ...(fresh && { busy: 0, work: [] }),
      greetedGroup: agent.group,
      lastSeenAt: new Date().toISOString(),
    }));
    if (fresh) await takeBackWork(app, agent);
    // Noted all the same: the list of agents says which ones have to be updated.
    if (!ACCEPTED_PROTOCOLS.includes(body.protocol))
      throw new LongshoreError(
        "AGENT_INCOMPATIBLE",
        `the agent speaks protocol ${body.protocol}, this control plane ${ACCEPTED_PROTOCOLS.join(" and ")}`,
      );
    await app.queues.ensure(agent.group);
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

defineRoute(
  {
    name: "agentAnswerCheck",
    method: "POST",
    route: "agent/v1/checks/{check}",
    role: "agent",
    tag: "work",
    summary: "What the agent saw of a source that it was asked to try",
    body: sourceCheckAnswerSchema,
  },
  async ({ app, agent, params, body }) => answerSourceCheck(app, agent, params.check, body),
);
