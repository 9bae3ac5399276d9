import {
  enrolmentTokenListSchema,
  enrolmentTokenRequestSchema,
  enrolmentTokenResponseSchema,
} from "../../shared/contracts/agents.ts";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { newEnrolmentToken } from "../security/enrolmentTokens.ts";
import { defineRoute } from "./routing/route.ts";

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
    const { token, record } = newEnrolmentToken(body, Date.now());
    await app.agents.insertToken(record);
    return { token, id: record.id, expires: record.expires };
  },
);

defineRoute(
  {
    name: "listEnrolmentTokens",
    method: "GET",
    route: "v1/enrolment-tokens",
    role: "administrator",
    tag: "agents",
    summary: "Lists the tokens that agents can still enrol with, without their secrets",
    response: enrolmentTokenListSchema,
  },
  async ({ app }) => {
    const tokens = [];
    for await (const { hash: _secret, ...token } of app.agents.listTokens())
      if (token.uses > 0 && Date.parse(token.expires) > Date.now()) tokens.push(token);
    return { tokens };
  },
);

defineRoute(
  {
    name: "revokeEnrolmentToken",
    method: "DELETE",
    route: "v1/enrolment-tokens/{token}",
    role: "administrator",
    tag: "agents",
    summary: "Revokes a token; agents that have enrolled with it stay",
    unconditional: true,
  },
  async ({ app, params }) => {
    if (!(await app.agents.removeToken(params.token)))
      throw new LongshoreError("NOT_FOUND", `there is no enrolment token ${params.token}`);
  },
);
