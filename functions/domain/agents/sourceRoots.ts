import type { AgentRecord } from "../records.ts";
import { sourceKey } from "../tasks/taskPlace.ts";
import { agentCondition, canWork } from "./agentStates.ts";

/**
 * Whether a source lies in the folders that an agent may read, as far as names tell; links and the like only the agent can
 * resolve, which has the last word.
 */
export function mayRead(
  { sourceRoots }: Pick<AgentRecord, "sourceRoots">,
  source: string,
): boolean {
  const path = sourceKey(source);
  return sourceRoots.length === 0 || sourceRoots.some((root) => isWithin(path, sourceKey(root)));
}

/** The folder itself, or what comes after a slash at its end; "/" has that already. */
const isWithin = (path: string, folder: string): boolean =>
  path === folder ||
  (path.startsWith(folder) && /[\\/]/.test(path.slice(folder.length - 1, folder.length + 1)));

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
