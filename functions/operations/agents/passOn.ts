import { isForOthers, mayRead } from "../../domain/agents/sourceRoots.ts";
import { passedOn } from "../../domain/agents/workItems.ts";
import type { AgentRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import type { WorkId } from "../../stores/rounds/refs.ts";
import { offerAgain } from "./offerAgain.ts";

/** The one that stands back waits at the same queue: the others get this long to be free. */
const LATER_MS = 2_000;

/**
 * Agents of a group that may read different folders share one queue. Who receives an item of a source that it may not read
 * leaves it to one that may, if such a one is there; otherwise it is granted, and the agent's refusal tells what is missing.
 * True when the item was left to others.
 */
export async function passOn(
  app: Pick<Services, "agents" | "rounds" | "queues" | "config">,
  agent: AgentRecord,
  id: WorkId,
  { epoch, source }: { epoch: number; source: string },
): Promise<boolean> {
  if (mayRead(agent, source)) return false;
  const agents = await Array.fromAsync(app.agents.list());
  const at = { heartbeatSeconds: app.config.HEARTBEAT_SECONDS, now: Date.now() };
  if (!isForOthers(agent, source, agents, at)) return false;
  const told = { group: agent.group, epoch };
  return offerAgain(app, id, (work) => passedOn(work, told), LATER_MS);
}
