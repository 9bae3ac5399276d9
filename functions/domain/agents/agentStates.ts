import { ACCEPTED_PROTOCOLS, type AgentView } from "../../../shared/contracts/agents.ts";
import type { AgentRecord } from "../records.ts";

export type AgentCondition = Pick<AgentView, "state" | "reason">;

/**
 * How an agent stands, and why it takes no work if it takes none. What an administrator decided comes first, then what can
 * never work, then what is gone. An agent that missed three heartbeats counts as disconnected.
 */
export function agentCondition(
  agent: Pick<AgentRecord, "enabled" | "protocol" | "version" | "busy" | "lastSeenAt">,
  heartbeatSeconds: number,
  now: number,
): AgentCondition {
  if (!agent.enabled) return { state: "Disabled", reason: "an administrator has disabled it" };
  if (!ACCEPTED_PROTOCOLS.includes(agent.protocol))
    return {
      state: "Incompatible",
      reason: `version ${agent.version} speaks protocol ${agent.protocol}, this control plane speaks ${ACCEPTED_PROTOCOLS.join(" and ")}: update the ${agent.protocol > Math.max(...ACCEPTED_PROTOCOLS) ? "control plane" : "agent"}`,
    };
  if (now - Date.parse(agent.lastSeenAt) > 3 * heartbeatSeconds * 1000)
    return {
      state: "Disconnected",
      reason: `nothing was heard of it since ${agent.lastSeenAt}: is it running, and can it reach the control plane?`,
    };
  return { state: agent.busy > 0 ? "InUse" : "Enabled" };
}

/** Whether an agent in this state takes work. */
export const canWork = (state: AgentView["state"]): boolean =>
  state === "Enabled" || state === "InUse";

/** Whether the agents of a group can take work now; why not, if none can. */
export function groupCondition(
  group: string,
  agents: readonly AgentRecord[],
  heartbeatSeconds: number,
  now: number,
): { ready: boolean; reason?: string; remedy?: string } {
  const members = agents.filter((agent) => agent.group === group);
  const states = members.map((agent) => agentCondition(agent, heartbeatSeconds, now).state);
  if (states.some(canWork)) return { ready: true };
  if (members.length === 0)
    return {
      ready: false,
      reason: `group ${group} has no agent`,
      remedy: `Enrol an agent with --group ${group}, move one into the group, or bind the task to another group (one that is in progress: pause it before, resume it after).`,
    };
  const seen = [...new Set(states)].map(
    (state) => `${states.filter((each) => each === state).length} ${state.toLowerCase()}`,
  );
  return {
    ready: false,
    reason: `group ${group} has no connected agent (${seen.join(", ")})`,
    remedy: `Start, enable or update an agent of the group; the list of agents says what each one lacks.`,
  };
}
