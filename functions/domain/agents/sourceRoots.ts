import type { AgentRecord } from "../records.ts";
import { agentCondition, canWork } from "./agentStates.ts";

/**
 * Whether a source lies in the folders that an agent may read, as far as names tell; links and the like only the agent can
 * resolve, which has the last word. Windows tells neither cases nor kinds of slashes apart.
 */
export function mayRead(
  { sourceRoots, platform }: Pick<AgentRecord, "sourceRoots" | "platform">,
  source: string,
): boolean {
  if (sourceRoots.length === 0) return true;
  const spelled = (path: string) => {
    const name = platform.startsWith("win") ? path.toLowerCase().replaceAll("\\", "/") : path;
    return `${name.replace(/\/+$/, "")}/`;
  };
  return sourceRoots.some((root) => spelled(source).startsWith(spelled(root)));
}

/** Whether another agent of the group takes work at present and may read the source. */
export function isForOthers(
  agent: Pick<AgentRecord, "id" | "group">,
  source: string,
  agents: readonly AgentRecord[],
  { heartbeatSeconds, now }: { heartbeatSeconds: number; now: number },
): boolean {
  return agents.some(
    (other) =>
      other.id !== agent.id &&
      other.group === agent.group &&
      mayRead(other, source) &&
      canWork(agentCondition(other, heartbeatSeconds, now).state),
  );
}
