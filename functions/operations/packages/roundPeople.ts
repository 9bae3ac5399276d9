import type { Principal } from "../../../shared/contracts/people.ts";
import type { Plan } from "../../domain/packages/plan.ts";
import {
  asksForPeople,
  NOBODY,
  type PackagePeople,
  packagePeople,
  principalKey,
  principalsOfPlan,
  type Resolved,
} from "../../domain/people/packagePeople.ts";
import { createMapping, type Mapping, readUserMap } from "../../domain/people/userMap.ts";
import type { RoundRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { addPeople, readPeople, readRoundMap } from "../../stores/userMap.ts";
import { inParallel } from "../inParallel.ts";

type App = Pick<Services, "state" | "destination">;

/** Questions to SharePoint at the same time. */
const LOOKUPS = 8;

/** The people of a package that is about to be sealed. */
export async function peopleOfPlan(
  app: App,
  round: RoundRecord,
  plan: Plan,
): Promise<PackagePeople> {
  const { settings } = round;
  if (!asksForPeople(settings)) return NOBODY;
  const { resolved, fallback } = await resolvePeople(app, round, principalsOfPlan(plan, settings));
  return packagePeople(settings, resolved, fallback);
}

/**
 * Who these principals are at the destination, by `principalKey`, and who stands in for those who are nobody. A round asks for each once
 * and writes the answer down, so that all its packages agree. A round that only scans asks nobody, nor does one without
 * `mayAsk`: then whoever is mapped counts as found.
 */
export async function resolvePeople(
  app: App,
  round: RoundRecord,
  principals: readonly Principal[],
  { mayAsk = true } = {},
): Promise<{ resolved: Map<string, Resolved>; fallback?: Resolved }> {
  const { settings, target } = round;
  const { plans } = app.state;
  const ref = { taskId: round.taskId, round: round.number };
  const asks = mayAsk && !settings.scanOnly && target && !target.nominal;
  const find = async (login: string, isGroup: boolean): Promise<Resolved> =>
    asks
      ? app.destination.ensureUser(target, { login, isGroup })
      : { login, isGroup, name: login, email: "" };

  const known = await readPeople(plans, ref);
  const found = new Map<string, Resolved>();
  const missing = principals.filter((each) => !known.has(principalKey(each)));
  if (missing.length > 0) {
    const map = mappingOf(await readRoundMap(plans, ref), settings.lookupUsers);
    await inParallel(LOOKUPS, missing, async (principal) => {
      const mapped = map(principal);
      const answer = "why" in mapped ? mapped : await find(mapped.login, mapped.isGroup);
      found.set(principalKey(principal), answer);
    });
  }
  const standIn = settings.fallbackOwner;
  const standInKey = `stand-in ${standIn.toLowerCase()}`;
  if (standIn !== "" && !known.has(standInKey))
    found.set(standInKey, await find(`i:0#.f|membership|${standIn}`, false));

  const all =
    asks && found.size > 0 ? await addPeople(plans, ref, found) : new Map([...found, ...known]);
  const resolved = new Map(
    principals.map(principalKey).map((key) => [key, all.get(key) as Resolved]),
  );
  const fallback = all.get(standInKey);
  return { resolved, ...(fallback && { fallback }) };
}

/** The mapping that was used last: a large map is not read anew for every package. */
let last: { text: string; lookup: boolean; map: Mapping } | undefined;

function mappingOf(text: string, lookup: boolean): Mapping {
  if (last?.text !== text || last.lookup !== lookup)
    last = { text, lookup, map: createMapping(readUserMap(text).rows, { lookup }) };
  return last.map;
}
