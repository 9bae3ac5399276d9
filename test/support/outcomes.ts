import type { Services } from "../../functions/services.ts";
import { readOutcomes } from "../../functions/stores/roundBlobs.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";

/** All outcomes of a round that has ended, in order. Throws when a package has none. */
export async function outcomesOf(
  { rounds, state }: Pick<Services, "rounds" | "state">,
  taskId: string,
  round = 0,
): Promise<Outcome[]> {
  const found: Outcome[] = [];
  for await (const { segment } of rounds.listPackages(taskId, round))
    for await (const each of readOutcomes(state.outcomes, { taskId, round }, segment))
      found.push(each);
  return found;
}
