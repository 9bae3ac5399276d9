import { z } from "zod";
import {
  type InventoryEntry,
  type Issue,
  inventoryEntrySchema,
  issueSchema,
  versionLeftOutSchema,
} from "../../../shared/contracts/inventory.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { MAX_TRIED_NAMES } from "../../../shared/rules/limits.ts";
import { shown } from "../../../shared/rules/paths.ts";
import type { RoundRecord, TaskRecord } from "../records.ts";
import { inSeconds, isFiltered, type Standing, type Surroundings, standings } from "./standing.ts";
import { type Versions, versionsToBring } from "./versions.ts";

export { destinationFolder, idsOf, inLibrary } from "./places.ts";

const placedSchema = inventoryEntrySchema.extend({
  /** Path below the task's destination folder, where it is not `path`. */
  destinationPath: z.string().optional(),
  /** A folder that somebody else made: it is used under its own id and left as it is. */
  adopted: z.literal(true).optional(),
});

/** What shall become of one item of a segment. `migrate` items have an identity; the others have a reason. */
export const planItemSchema = placedSchema.extend({
  /** `arrived`: an interrupted attempt of this round has brought it to the destination already. */
  action: z.enum(["migrate", "skip", "fail", "arrived"]),
  issue: issueSchema.optional(),
  /** Older versions that are not even asked for. */
  versionsLeftOut: z.array(versionLeftOutSchema).optional(),
  id: z.string().optional(),
  listItemId: z.string().optional(),
  intId: z.number().int().optional(),
  /** What an earlier round brought to the destination. */
  arrived: z
    .object({ modified: z.number().int(), size: z.number().int(), round: z.number().int() })
    .optional(),
});
export type PlanItem = z.infer<typeof planItemSchema>;

export const planSchema = z.object({
  items: z.array(planItemSchema),
  /** Folders above the first item that are at the destination or on their way there with another package. */
  above: z.array(placedSchema.extend({ id: z.string() })),
});
export type Plan = z.infer<typeof planSchema>;

/** Issues of the walk that are rules, not failures. */
const SKIPPED_BY_RULE = new Set<Issue["code"]>([
  ...(["SYMBOLIC_LINK", "NOT_A_FILE", "SNAPSHOT_FOLDER"] as const),
]);

export interface PlanInput extends Surroundings {
  round: number;
  open: readonly InventoryEntry[];
  entries: readonly InventoryEntry[];
  /** Integer id of the first item of the segment. */
  firstIntId: number;
}

/**
 * Decides about every item of a segment: left out by a filter, refused by the source or by SharePoint's rules, unchanged since
 * an earlier round, below a folder that does not arrive, in the place of somebody else's file, or to be migrated. Pure; the
 * same input gives the same plan.
 */
export function planSegment(input: PlanInput): Plan {
  const { round, open, entries, firstIntId, settings } = input;
  const { look, block } = standings(input);

  const above: Plan["above"] = [];
  for (const folder of open) {
    const standing = look(folder);
    const { issue, ids } = standing;
    if (!issue && ids) above.push({ ...folder, ...placed(folder, standing), id: ids.id });
  }

  let tried = 0;
  const items = entries.map(({ versions, ...entry }, index): PlanItem => {
    const standing = look(entry);
    const { known, ids, isAdopted, isTried } = standing;
    const { arrived } = known ?? {};
    const at = { ...entry, ...placed(entry, standing) };
    /** What is at the destination already stays known: a file that is locked today is not migrated again tomorrow. */
    const kept = { ...at, ...(known && arrived && identityIn(known)) };
    const refused = (issue: Issue): PlanItem => {
      if (entry.kind === "folder") block(entry.path, issue);
      return { ...kept, issue, action: isSkipped(issue) ? "skip" : "fail" };
    };

    if (standing.issue) return refused(standing.issue);
    if (arrived && !isNewer(entry, arrived))
      return { ...kept, action: "skip", issue: unchanged(arrived.round, isAdopted) };
    const conflict = conflictOf(entry, standing, input);
    if (conflict) return { ...kept, action: "skip", ...conflict };
    if (isAdopted)
      return {
        ...{ ...at, ...ids, action: "skip", issue: ADOPTED },
        arrived: { modified: entry.modified, size: 0, round },
      };
    if (isTried && ++tried > MAX_TRIED_NAMES) return refused(TOO_MANY_TRIED);
    const history = versionsToBring({ ...entry, ...(versions && { versions }) });
    if (settings.scanOnly)
      return { ...kept, action: "skip", issue: scanOnly(entry, standing, history) };
    const intId = known?.intId ?? firstIntId + index;
    return { ...at, ...history, ...ids, intId, ...(arrived && { arrived }), action: "migrate" };
  });
  return { items, above };
}

const placed = ({ path }: InventoryEntry, { destinationPath, isAdopted }: Standing) => ({
  ...(destinationPath !== path && { destinationPath }),
  ...(isAdopted && { adopted: true as const }),
});

/** The identity an item has from an earlier round, as far as it has one, and what arrived of it. */
function identityIn({ id, listItemId, intId, arrived }: Outcome) {
  return {
    ...(id && { id }),
    ...(listItemId && { listItemId }),
    ...(intId !== undefined && { intId }),
    ...(arrived && { arrived }),
  };
}

const isSkipped = ({ code }: Issue) => isFiltered(code) || SKIPPED_BY_RULE.has(code);

const unchanged = (round: number, isAdopted: boolean): Issue => ({
  code: "UNCHANGED",
  message: isAdopted
    ? "the folder was at the destination before"
    : `migrated by round R${round}, not newer`,
});

const ADOPTED: Issue = {
  code: "EXISTS_AT_DESTINATION",
  message: "the destination has this folder; it is used as it is",
};

const TOO_MANY_TRIED: Issue = {
  code: "TOO_MANY_INVALID_NAMES",
  message: `${MAX_TRIED_NAMES} items with invalid names are tried in this package already`,
};

function scanOnly(
  { path }: InventoryEntry,
  { destinationPath, existing }: Standing,
  { versions }: Versions,
): Issue {
  const how = existing ? "overwrite what is at the destination" : "be migrated";
  const where = destinationPath === path ? "" : ` as ${shown(destinationPath)}`;
  const older = versions ? ` with ${versions.length} older versions` : "";
  return { code: "SCAN_ONLY", message: `would ${how}${where}${older}` };
}

/** What becomes of a file in whose place something else is, unless that is to be overwritten. */
function conflictOf(
  entry: InventoryEntry,
  { existing, ids, isOurs }: Standing,
  { settings: { onConflict }, round, isRepeated }: PlanInput,
): Partial<PlanItem> | undefined {
  if (!existing || onConflict === "overwrite") return undefined;
  const code = "EXISTS_AT_DESTINATION";
  const modified = inSeconds(entry.modified);
  const isSame = existing.modified === modified && existing.size === entry.size;
  // A task before this one has brought it: from now on this one knows it.
  if (isSame && isOurs) {
    const arrived = { modified: entry.modified, size: entry.size, round };
    return { ...ids, arrived, action: "skip", issue: { code, message: "it is there already" } };
  }
  if (isSame && isRepeated) return undefined;
  if (onConflict === "fail")
    return { action: "fail", issue: { code, message: "the destination has a file of this name" } };
  if (onConflict === "newer" && modified > existing.modified) return undefined;
  const message =
    onConflict === "newer"
      ? "the file at the destination is as new or newer"
      : "the destination has a file of this name";
  return { action: "skip", issue: { code, message } };
}

/** Integer id of the first item of a segment: every segment has room for as many items as a package may have. */
export const firstIntId = (
  { intIdBase, settings }: Pick<RoundRecord, "intIdBase" | "settings">,
  segment: number,
): number => intIdBase + segment * settings.packageItems;

/** The first integer id that no item of the task has, after this round. */
export const nextIntId = (task: Pick<TaskRecord, "nextIntId">, round: RoundRecord): number =>
  Math.max(task.nextIntId, firstIntId(round, round.scan.segments));

/** A folder that has arrived stays as it is: its modified time only says that something in it changed. */
const isNewer = (entry: InventoryEntry, arrived: { modified: number; size: number }): boolean =>
  entry.kind === "file" &&
  (entry.modified > arrived.modified ||
    (entry.modified === arrived.modified && entry.size !== arrived.size));
