import { takenBack } from "../../domain/agents/workItems.ts";
import type { Services } from "../../services.ts";
import { parseWorkId } from "../../stores/rounds/refs.ts";
import { inParallel } from "../inParallel.ts";
import { offerAgain } from "./offerAgain.ts";

/**
 * Gives the work that an agent had in hand to the others at once, instead of when its leases run out. What it claimed after its
 * last heartbeat is not known here and waits for the lease.
 */
export async function takeBackWork(
  app: Pick<Services, "rounds" | "queues">,
  agent: { id: string; work: readonly string[] },
): Promise<void> {
  await inParallel(4, agent.work, async (workItem) => {
    const id = parseWorkId(workItem);
    if (id) await offerAgain(app, id, (work) => takenBack(work, agent.id));
  });
}
