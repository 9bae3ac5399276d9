import { firstIntId, type Plan, planSegment } from "../domain/plan.ts";
import type { PackageRecord, RoundRecord } from "../domain/records.ts";
import type { Services } from "../services.ts";
import { earlierOutcomes } from "../stores/ledger.ts";
import { readSegment } from "../stores/roundBlobs.ts";

/** The plan of a package, from its segment and what the last round says about its paths. */
export async function planPackage(
  { state, stateBlobs }: Services,
  round: RoundRecord,
  pkg: PackageRecord,
): Promise<Plan> {
  const { taskId, ledgerRound, target } = round;
  if (!target) throw new Error(`round R${round.number} of ${taskId} is not open`);
  const inventory = stateBlobs.getContainerClient(round.inventoryContainer);
  const { open, entries } = await readSegment(inventory, pkg.summary.blob);
  const earlier =
    ledgerRound === undefined
      ? new Map()
      : await earlierOutcomes(
          state.outcomes,
          { taskId, round: ledgerRound },
          entries.map(({ path }) => path),
        );
  return planSegment({
    ...{ open, entries, earlier, target },
    firstIntId: firstIntId(round, pkg.summary.segment),
  });
}
