import {
  type Access,
  isUpn,
  type Principal,
  RIGHTS,
  type Right,
} from "../../../shared/contracts/people.ts";
import type { Settings } from "../../../shared/contracts/settings.ts";
import { type ManifestUser, SYSTEM_ACCOUNT } from "../../../shared/package/manifest/index.ts";
import type { Plan } from "../packages/plan.ts";

export type PeopleSettings = Pick<
  Settings,
  "preserveOwner" | "preservePermissions" | "fallbackOwner"
>;

/** What the inventory says of an item's people. */
export interface Owned {
  owner?: string | undefined;
  access?: readonly Access[] | undefined;
}

/** A user or group of the destination. */
export interface Person {
  login: string;
  name: string;
  email: string;
  isGroup: boolean;
}
/** Who a principal is at the destination, or why nobody. */
export type Resolved = Person | { why: string };

export const principalKey = ({ principal, kind }: Principal): string =>
  `${kind} ${principal.toLowerCase()}`;
export const isPerson = (resolved: Resolved | undefined): resolved is Person =>
  resolved !== undefined && "login" in resolved;

export const asksForPeople = (settings: PeopleSettings): boolean =>
  settings.preserveOwner || settings.preservePermissions;

export const ownerOf = (principal: string): Principal => ({ principal, kind: "user" });

/** The principals that an item needs under these settings, each once. */
export function principalsOf(item: Owned, settings: PeopleSettings): Principal[] {
  const found = new Map<string, Principal>();
  const add = (principal: Principal) => found.set(principalKey(principal), principal);
  if (settings.preserveOwner && item.owner !== undefined) add(ownerOf(item.owner));
  if (settings.preservePermissions)
    for (const { principal, kind } of item.access ?? []) add({ principal, kind });
  return [...found.values()];
}

/** Everybody whom the manifests of a package may have to name. */
export function principalsOfPlan(plan: Plan, settings: PeopleSettings): Principal[] {
  const found = new Map<string, Principal>();
  for (const item of [...plan.above, ...plan.items])
    for (const each of principalsOf(item, settings)) found.set(principalKey(each), each);
  return [...found.values()];
}

/** Why an owner cannot be shown, if it cannot: nobody, or somebody who owns nothing at SharePoint. */
export function whyNoOwner(resolved: Resolved | undefined): string | undefined {
  if (!isPerson(resolved)) return resolved?.why ?? "it was not looked up";
  return resolved.isGroup ? "it is a group at the destination, and groups own nothing" : undefined;
}

/** The people of one package as its manifests refer to them. */
export interface PackagePeople {
  users: readonly ManifestUser[];
  /** Id of the user an item is shown to be from. */
  authorOf(item: Owned): number;
  /** What an item's own permissions are, the strongest right of each; undefined: it has those of the folder above. */
  assignmentsOf(item: Owned): { userId: number; right: Right }[] | undefined;
}

/** For packages that name nobody. */
export const NOBODY: PackagePeople = {
  users: [SYSTEM_ACCOUNT],
  authorOf: () => SYSTEM_ACCOUNT.id,
  assignmentsOf: () => undefined,
};

/**
 * Gives everybody whom the package knows an id. `resolved` is by `principalKey`, `fallback` stands in for owners. Rights of
 * principals whom nobody corresponds to are left out; an item that has no others is closed to everybody but the fallback, or the
 * system account, which leaves it to the administrators of the site collection.
 */
export function packagePeople(
  settings: PeopleSettings,
  resolved: ReadonlyMap<string, Resolved>,
  fallback?: Resolved,
): PackagePeople {
  // Several principals may be one person, who may be in a package only once.
  const persons = new Map<string, Person>();
  for (const each of [...resolved.values(), fallback])
    if (isPerson(each)) persons.set(each.login.toLowerCase(), each);
  const ids = new Map([...persons.keys()].sort().map((login, index) => [login, index + 1]));
  const idOf = ({ login }: Person) => ids.get(login.toLowerCase()) as number;
  const lookUp = (principal: Principal) => resolved.get(principalKey(principal));
  const owner = (found: Resolved | undefined) =>
    isPerson(found) && whyNoOwner(found) === undefined ? idOf(found) : undefined;
  return {
    users: [SYSTEM_ACCOUNT, ...[...ids].map(([key, id]) => userOf(id, persons.get(key) as Person))],
    authorOf(item) {
      if (!settings.preserveOwner || item.owner === undefined) return SYSTEM_ACCOUNT.id;
      return owner(lookUp(ownerOf(item.owner))) ?? owner(fallback) ?? SYSTEM_ACCOUNT.id;
    },
    assignmentsOf(item) {
      if (!settings.preservePermissions || !item.access) return undefined;
      const rights = new Map<number, Right>();
      for (const { principal, kind, right } of item.access) {
        const found = lookUp({ principal, kind });
        if (!isPerson(found)) continue;
        const before = rights.get(idOf(found));
        if (!before || isStronger(right, before)) rights.set(idOf(found), right);
      }
      // Whom it was meant for is not known here, and who may open the folder above is somebody else.
      if (rights.size === 0) rights.set(owner(fallback) ?? SYSTEM_ACCOUNT.id, "full");
      return [...rights].map(([userId, right]) => ({ userId, right }));
    },
  };
}

const isStronger = (one: Right, other: Right) => RIGHTS.indexOf(one) > RIGHTS.indexOf(other);

const userOf = (id: number, { login, name, email, isGroup }: Person): ManifestUser => ({
  id,
  name,
  login,
  email: isUpn(email) ? email : "",
  systemId: Buffer.from(login).toString("base64"),
  ...(isGroup && { isDomainGroup: true }),
});
