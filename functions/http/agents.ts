import {
  agentGroupListSchema,
  agentListSchema,
  agentPatchSchema,
  agentViewSchema,
  sourceCheckRequestSchema,
  sourceCheckViewSchema,
} from "../../shared/contracts/agents.ts";
import type { AgentRecord } from "../domain/records.ts";
import {
  askForSourceCheck,
  changeAgent,
  removeAgent,
  viewAgent,
  viewGroups,
  viewSourceCheck,
} from "../operations/agents/agents.ts";
import { requireAgent } from "../operations/require.ts";
import { defineRoute, tagged } from "./routing/route.ts";

/** What people change of an agent; its row also changes with every heartbeat. */
const version = ({ name, group, enabled }: AgentRecord) => [name, group, enabled];

defineRoute(
  {
    name: "listAgents",
    method: "GET",
    route: "v1/agents",
    role: "reader",
    tag: "agents",
    summary: "Lists the agents with their states, and why those that take no work take none",
    response: agentListSchema,
  },
  async ({ app }) => {
    const agents = await Array.fromAsync(app.agents.list());
    return { agents: agents.map((agent) => viewAgent(app, agent)) };
  },
);

defineRoute(
  {
    name: "listAgentGroups",
    method: "GET",
    route: "v1/agent-groups",
    role: "reader",
    tag: "agents",
    summary: "Lists the agent groups with how many agents of each can take work now",
    response: agentGroupListSchema,
  },
  async ({ app }) => ({ groups: viewGroups(app, await Array.fromAsync(app.agents.list())) }),
);

defineRoute(
  {
    name: "getAgent",
    method: "GET",
    route: "v1/agents/{agent}",
    role: "reader",
    tag: "agents",
    summary: "Shows an agent",
    response: agentViewSchema,
  },
  async ({ app, params }) => {
    const agent = await requireAgent(app, params.agent);
    return tagged(viewAgent(app, agent), version(agent));
  },
);

defineRoute(
  {
    name: "updateAgent",
    method: "PATCH",
    route: "v1/agents/{agent}",
    role: "administrator",
    tag: "agents",
    summary: "Renames an agent, moves it to another group, disables it at once or enables it again",
    body: agentPatchSchema,
    response: agentViewSchema,
  },
  async ({ app, params, body, ifMatch }) => {
    const agent = await changeAgent(app, params.agent, body, (row) =>
      ifMatch.require(version(row)),
    );
    return tagged(viewAgent(app, agent), version(agent));
  },
);

defineRoute(
  {
    name: "deleteAgent",
    method: "DELETE",
    route: "v1/agents/{agent}",
    role: "administrator",
    tag: "agents",
    summary: "Removes an agent: its key is worth nothing from now on, its work goes to others",
  },
  async ({ app, params, ifMatch }) => {
    await removeAgent(app, params.agent, (row) => ifMatch.require(version(row)));
  },
);

defineRoute(
  {
    name: "createSourceCheck",
    method: "POST",
    route: "v1/agents/{agent}/checks",
    role: "operator",
    tag: "agents",
    summary:
      "Asks an agent to try whether it can read a source; it answers with its next heartbeat",
    body: sourceCheckRequestSchema,
    response: sourceCheckViewSchema,
    status: 202,
  },
  async ({ app, params, body, newId }) =>
    askForSourceCheck(app, params.agent, { id: newId(), source: body.source }),
);

defineRoute(
  {
    name: "getSourceCheck",
    method: "GET",
    route: "v1/agents/{agent}/checks/{check}",
    role: "reader",
    tag: "agents",
    summary: "Shows what an agent saw of a source",
    response: sourceCheckViewSchema,
  },
  async ({ app, params }) => viewSourceCheck(app, params.agent, params.check),
);
