import { type PlanInput, planSegment } from "../../functions/domain/packages/plan.ts";
import type { ErrorCode } from "../../shared/contracts/errors.ts";
import type { InventoryEntry } from "../../shared/contracts/inventory.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import { planInput } from "./records.ts";

/* What tests of plans have in common: a plan of a few entries, and what a round before it made of one. */

export const plan = (entries: InventoryEntry[], more: Partial<PlanInput> = {}) =>
  planSegment(planInput({ entries, ...more }));
/** The one item that the plan has for one entry. */
export const only = (entry: InventoryEntry, more: Partial<PlanInput> = {}) => {
  const [item] = plan([entry], more).items;
  return item as NonNullable<typeof item>;
};
export const issue = (code: ErrorCode) => ({ code, message: "seen by the walk" });
export const YEAR = 365 * 24 * 3600_000;

/** What a round made of an entry that arrived. */
export const earlierRound = (
  entry: InventoryEntry,
  more: Partial<Outcome> = {},
): Map<string, Outcome> => {
  const item = only(entry, { firstIntId: 77 });
  const arrived = { modified: entry.modified, size: entry.size, round: 0 };
  const { path, kind, size, modified, created, id, listItemId, intId } = item;
  const outcome = { path, kind, size, modified, created, id, listItemId, intId } as Outcome;
  return new Map([[path, { ...outcome, result: "migrated", arrived, ...more }]]);
};
