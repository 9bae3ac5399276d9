import { firstIntId, type Plan, planSegment } from "../../domain/packages/plan.ts";
import type { PackageRecord, RoundRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { readSegment } from "../../stores/rounds/roundBlobs.ts";
import { isRepeated } from "./arrived.ts";
import { existingItems } from "./existingItems.ts";
import { outcomesBefore } from "./outcomesBefore.ts";

/**
 * The plan of a package, from its segment, from what earlier rounds say about its paths, and from what the destination has in
 * the place of items that none of them brought.
 */
export async function planPackage(
  app: Services,
  round: RoundRecord,
  pkg: PackageRecord,
): Promise<Plan> {
  const { taskId, ledgerRound, target, settings } = round;
  if (!target) throw new Error(`round R${round.number} of ${taskId} is not open`);
  const inventory = app.stateBlobs.getContainerClient(round.inventoryContainer);
  const { open, entries } = await readSegment(inventory, pkg.summary.blob);
  const paths = [...open, ...entries].map(({ path }) => path);
  const earlier = await outcomesBefore(app, { taskId, round: ledgerRound }, paths);
  const input = {
    ...{ round: round.number, open, entries, earlier, target, settings },
    existing: new Map(),
    firstIntId: firstIntId(round, pkg.summary.segment),
    isRepeated: isRepeated(round, pkg),
  };
  const plan = planSegment(input);
  const existing = await existingItems(app, round, plan, earlier);
  return existing.size > 0 ? planSegment({ ...input, existing }) : plan;
}
