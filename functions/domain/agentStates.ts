import type { AgentView } from "../../shared/contracts/agents.ts";
import type { AgentRecord } from "./records.ts";

/** An agent that missed three heartbeats counts as disconnected. */
export function agentState(
  agent: Pick<AgentRecord, "busy" | "lastSeenAt">,
  heartbeatSeconds: number,
  now: number,
): AgentView["state"] {
  if (now - Date.parse(agent.lastSeenAt) > 3 * heartbeatSeconds * 1000) return "Disconnected";
  return agent.busy > 0 ? "InUse" : "Enabled";
}
