import type { z } from "zod";
import type {
  AgentView,
  agentGroupViewSchema,
  agentPatchSchema,
  SourceCheckAnswer,
  SourceCheckView,
} from "../../../shared/contracts/agents.ts";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { agentCondition, canWork } from "../../domain/agents/agentStates.ts";
import type { AgentRecord, SourceCheckRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { missing, requireAgent } from "../require.ts";
import { takeBackWork } from "./takeBackWork.ts";

/** What administrators do with agents. */

export function viewAgent({ config }: Services, agent: AgentRecord): AgentView {
  const { id, name, group, version, platform, slots, busy, sourceRoots } = agent;
  const { enrolledAt, lastSeenAt } = agent;
  return {
    ...{ id, name, group, version, platform, slots, busy, sourceRoots, enrolledAt, lastSeenAt },
    ...agentCondition(agent, config.HEARTBEAT_SECONDS, Date.now()),
  };
}

export function viewGroups(
  app: Services,
  agents: readonly AgentRecord[],
): z.infer<typeof agentGroupViewSchema>[] {
  const groups = Map.groupBy(agents, ({ group }) => group);
  return [...groups].sort().map(([name, members]) => {
    const active = members
      .map((agent) => viewAgent(app, agent))
      .filter(({ state }) => canWork(state));
    return {
      name,
      agents: members.length,
      active: active.length,
      freeSlots: active.reduce((sum, { slots, busy }) => sum + Math.max(0, slots - busy), 0),
    };
  });
}

/**
 * Changes what people may change of an agent. One that is disabled or leaves its group has its work taken back at once; it
 * learns so with its next request.
 */
export async function changeAgent(
  app: Services,
  id: string,
  change: z.infer<typeof agentPatchSchema>,
  check: (row: AgentRecord) => void,
): Promise<AgentRecord> {
  const { name, group, enabled } = change;
  if (group !== undefined) {
    // Better refused here than an agent that has nowhere to listen.
    check(await requireAgent(app, id));
    await app.queues.ensure(group);
  }
  let before: AgentRecord | undefined;
  const agent = await app.agents.update(id, (row) => {
    check(row);
    before = structuredClone(row);
    return {
      ...row,
      ...(name !== undefined && { name }),
      ...(group !== undefined && { group }),
      ...(enabled !== undefined && { enabled }),
    };
  });
  if (!agent || !before) return missing("agent", id);
  if (!agent.enabled || agent.group !== before.group) await takeBackWork(app, before);
  return agent;
}

export async function removeAgent(
  app: Services,
  id: string,
  check: (row: AgentRecord) => void,
): Promise<void> {
  const agent = await requireAgent(app, id);
  check(agent);
  await app.agents.remove(id);
  await takeBackWork(app, agent);
}

/** As many questions may wait for an agent at once. */
const MAX_OPEN_CHECKS = 10;

export async function askForSourceCheck(
  app: Services,
  agentId: string,
  { id, source }: { id: string; source: string },
): Promise<SourceCheckView> {
  const check: SourceCheckRecord = { id, agentId, source, askedAt: new Date().toISOString() };
  // The question's own row first: an answer always finds it.
  const agent = await requireAgent(app, agentId);
  const { state, reason } = viewAgent(app, agent);
  if (!canWork(state))
    throw new LongshoreError("CONFLICT", `agent ${agent.name} is ${state}: ${reason}`);
  await app.agents.putCheck(check);
  await app.agents.update(agentId, (row) => {
    if (row.checks.length >= MAX_OPEN_CHECKS)
      throw new LongshoreError("CONFLICT", `${MAX_OPEN_CHECKS} checks wait for this agent already`);
    return { ...row, checks: [...row.checks, { id, source }] };
  });
  return viewCheck(check);
}

export async function viewSourceCheck(
  app: Services,
  agentId: string,
  id: string,
): Promise<SourceCheckView> {
  const check = await app.agents.findCheck(agentId, id);
  if (!check) throw new LongshoreError("NOT_FOUND", `agent ${agentId} was asked no check ${id}`);
  return viewCheck(check);
}

export async function answerSourceCheck(
  app: Services,
  agent: AgentRecord,
  id: string,
  answer: SourceCheckAnswer,
): Promise<void> {
  const check = await app.agents.findCheck(agent.id, id);
  if (!check) throw new LongshoreError("NOT_FOUND", `agent ${agent.id} was asked no check ${id}`);
  await app.agents.putCheck({ ...check, ...answer, answeredAt: new Date().toISOString() });
  await app.agents.update(agent.id, (row) => ({
    ...row,
    checks: row.checks.filter((each) => each.id !== id),
  }));
}

function viewCheck({ ok, ...check }: SourceCheckRecord): SourceCheckView {
  const state = ok === undefined ? "Waiting" : ok ? "Readable" : "Refused";
  return { ...check, state };
}
