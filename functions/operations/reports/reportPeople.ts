import type { NotMapped, PeopleTally } from "../../domain/people/notMapped.ts";
import type { Owned } from "../../domain/people/packagePeople.ts";
import type { PackageRecord, RoundRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { readSegment } from "../../stores/rounds/roundBlobs.ts";
import { resolvePeople } from "../packages/roundPeople.ts";

/** What the scan says of the people of a package's items, by path. */
export async function ownedItems(
  { stateBlobs }: Pick<Services, "stateBlobs">,
  round: RoundRecord,
  pkg: PackageRecord,
): Promise<Map<string, Owned>> {
  const inventory = stateBlobs.getContainerClient(round.inventoryContainer);
  const { entries } = await readSegment(inventory, pkg.summary.blob);
  return new Map(entries.map((entry) => [entry.path, entry]));
}

/** Who of the round's people is nobody at the destination. What was not asked while it ran is not asked for a report. */
export async function whoIsNotMapped(
  app: Pick<Services, "state" | "destination">,
  round: RoundRecord,
  people: PeopleTally,
): Promise<NotMapped[]> {
  const mayAsk = false;
  const { resolved, fallback } = await resolvePeople(app, round, people.principals, { mayAsk });
  return people.notMapped(resolved, fallback);
}
