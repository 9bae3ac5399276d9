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
}

/** Counts the items of every principal of a round; memory grows with the number of principals. */
export class PeopleTally {
  private readonly settings: PeopleSettings;
  private readonly counts = new Map<string, Principal & { items: number; owns: number }>();

  constructor(settings: PeopleSettings) {
    this.settings = settings;
  }

  add(item: Owned): void {
    const { preserveOwner } = this.settings;
    const owner =
      preserveOwner && item.owner !== undefined ? principalKey(ownerOf(item.owner)) : undefined;
    for (const principal of principalsOf(item, this.settings)) {
      const key = principalKey(principal);
      const count = this.counts.get(key) ?? { ...principal, items: 0, owns: 0 };
      this.counts.set(key, count);
      count.items++;
      if (key === owner) count.owns++;
    }
  }

  get principals(): Principal[] {
    return [...this.counts.values()].map(({ principal, kind }) => ({ principal, kind }));
  }

  /** Who is nobody at the destination, by name; the stand-in for owners as well, if it was needed and is nobody either. */
  notMapped(resolved: ReadonlyMap<string, Resolved>, fallback?: Resolved): NotMapped[] {
    const found: NotMapped[] = [];
    let ownerless = 0;
    for (const [key, { principal, kind, items, owns }] of this.counts) {
      const known = resolved.get(key);
      const asOwner = owns > 0 ? whyNoOwner(known) : undefined;
      if (asOwner !== undefined) ownerless += owns;
      if (!isPerson(known))
        found.push({ principal, kind, items, why: known?.why ?? "it was not looked up" });
      else if (asOwner !== undefined) found.push({ principal, kind, items: owns, why: asOwner });
    }
    const noFallback = fallback && ownerless > 0 ? whyNoOwner(fallback) : undefined;
    if (noFallback !== undefined)
      found.push({
        ...ownerOf(this.settings.fallbackOwner),
        ...{ items: ownerless, why: `fallbackOwner: ${noFallback}` },
      });
    return found.sort((a, b) => (principalKey(a) < principalKey(b) ? -1 : 1));
  }
}

export const NOT_MAPPED_COLUMNS = ["Principal", "Kind", "Reason", "Items"] as const;

export const notMappedRow = ({ principal, kind, why, items }: NotMapped) => ({
  ...{ Principal: principal, Kind: kind, Reason: why, Items: items },
});
