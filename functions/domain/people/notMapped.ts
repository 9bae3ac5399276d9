import type { Principal } from "../../../shared/contracts/people.ts";
import {
  isPerson,
  type Owned,
  ownerOf,
  type PeopleSettings,
  principalKey,
  principalsOf,
  type Resolved,
  whyNoOwner,
} from "./packagePeople.ts";

/** One principal that somebody will miss. */
export interface NotMapped extends Principal {
  why: string;
  items: number;
  consequence: string;
}

/** Items that have the same rights of their own: for whom. */
interface Audience {
  keys: readonly string[];
  items: number;
}

/** Counts the items of every principal of a round; memory grows with the number of principals and of their combinations. */
export class PeopleTally {
  private readonly settings: PeopleSettings;
  private readonly counts = new Map<string, Principal & { items: number; owns: number }>();
  private readonly audiences = new Map<string, Audience>();

  constructor(settings: PeopleSettings) {
    this.settings = settings;
  }

  add(item: Owned): void {
    const { preserveOwner } = this.settings;
    const owner =
      preserveOwner && item.owner !== undefined ? principalKey(ownerOf(item.owner)) : undefined;
    if (this.settings.preservePermissions && item.access) this.addAudience(item.access);
    for (const principal of principalsOf(item, this.settings)) {
      const key = principalKey(principal);
      const count = this.counts.get(key) ?? { ...principal, items: 0, owns: 0 };
      this.counts.set(key, count);
      count.items++;
      if (key === owner) count.owns++;
    }
  }

  private addAudience(access: readonly Principal[]): void {
    const keys = [...new Set(access.map(principalKey))].sort();
    const name = keys.join("\n");
    const audience = this.audiences.get(name) ?? { keys, items: 0 };
    this.audiences.set(name, audience);
    audience.items++;
  }

  get principals(): Principal[] {
    return [...this.counts.values()].map(({ principal, kind }) => ({ principal, kind }));
  }

  /** Who is nobody at the destination, by name; the stand-in as well, if it was needed and is nobody either. */
  notMapped(resolved: ReadonlyMap<string, Resolved>, fallback?: Resolved): NotMapped[] {
    const found: NotMapped[] = [];
    const standIn = isPerson(fallback) && whyNoOwner(fallback) === undefined;
    const heir = standIn ? this.settings.fallbackOwner : undefined;
    const closed = this.closed(resolved);
    let needed = closed.items;
    for (const [key, { principal, kind, items, owns }] of this.counts) {
      const known = resolved.get(key);
      const asOwner = owns > 0 ? whyNoOwner(known) : undefined;
      if (asOwner !== undefined) needed += owns;
      const owned = asOwner === undefined ? "" : `${owns} shown as by ${heir ?? "System Account"}`;
      if (!isPerson(known)) {
        const consequence = [owned, closure(closed.byPrincipal.get(key), heir)];
        const why = known?.why ?? "it was not looked up";
        found.push({ ...{ principal, kind, items, why }, consequence: sentence(consequence) });
      } else if (asOwner !== undefined)
        found.push({
          ...{ principal, kind, items: owns, why: asOwner },
          consequence: sentence([owned]),
        });
    }
    const noFallback = fallback && needed > 0 ? whyNoOwner(fallback) : undefined;
    if (noFallback !== undefined)
      found.push({
        ...ownerOf(this.settings.fallbackOwner),
        ...{ items: needed, why: `fallbackOwner: ${noFallback}` },
        consequence: "System Account stands in",
      });
    return found.sort((a, b) => (principalKey(a) < principalKey(b) ? -1 : 1));
  }

  /** Items that nobody at the destination may open by what the source says, in all and by principal. */
  private closed(resolved: ReadonlyMap<string, Resolved>) {
    const byPrincipal = new Map<string, number>();
    let items = 0;
    for (const audience of this.audiences.values()) {
      if (audience.keys.some((key) => isPerson(resolved.get(key)))) continue;
      items += audience.items;
      for (const key of audience.keys)
        byPrincipal.set(key, (byPrincipal.get(key) ?? 0) + audience.items);
    }
    return { items, byPrincipal };
  }
}

const closure = (items: number | undefined, heir: string | undefined) =>
  items === undefined
    ? ""
    : `${items} closed: only ${heir ?? "administrators of the site collection"} can open them`;

const sentence = (parts: readonly string[]) => parts.filter(Boolean).join("; ") || "has no access";

export const NOT_MAPPED_COLUMNS = ["Principal", "Kind", "Reason", "Items", "Consequence"] as const;

export const notMappedRow = ({ principal, kind, why, items, consequence }: NotMapped) => ({
  ...{ Principal: principal, Kind: kind, Reason: why, Items: items, Consequence: consequence },
});
