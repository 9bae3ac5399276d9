import { z } from "zod";
import {
  type InventoryEntry,
  type Issue,
  inventoryEntrySchema,
  issueSchema,
} from "../../shared/contracts/inventory.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import { itemIds } from "../../shared/package/ids.ts";
import { checkPath } from "../../shared/rules/destinationPath.ts";
import { checkFileSize } from "../../shared/rules/fileSize.ts";
import { checkName } from "../../shared/rules/names.ts";
import { baseName, joinPath, parentOf } from "../../shared/rules/paths.ts";
import { checkTime } from "../../shared/rules/times.ts";
import type { RoundRecord, Target, TaskRecord } from "./records.ts";

/** What shall become of one item of a segment. `migrate` items have an identity; the others have a reason. */
export const planItemSchema = inventoryEntrySchema.extend({
  /** `arrived`: an interrupted attempt of this round has brought it to the destination already. */
  action: z.enum(["migrate", "skip", "fail", "arrived"]),
  issue: issueSchema.optional(),
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
  above: z.array(inventoryEntrySchema.extend({ id: z.string() })),
});
export type Plan = z.infer<typeof planSchema>;

/** Issues of the walk that are rules, not failures. */
const SKIPPED_BY_RULE = new Set<Issue["code"]>(["SYMBOLIC_LINK", "NOT_A_FILE"]);

export interface PlanInput {
  open: readonly InventoryEntry[];
  entries: readonly InventoryEntry[];
  /** Outcomes of the last round by path, for the paths of this segment. */
  earlier: ReadonlyMap<string, Outcome>;
  target: Target;
  /** Integer id of the first item of the segment. */
  firstIntId: number;
}

/**
 * Decides about every item of a segment: refused by the source or by SharePoint's rules, unchanged since an earlier round,
 * below a folder that does not arrive, or to be migrated. Pure; the same input gives the same plan.
 */
export function planSegment({ open, entries, earlier, target, firstIntId }: PlanInput): Plan {
  const place = destinationFolder(target);
  const blocked = new Set<string>();
  const refusal = (entry: InventoryEntry): Issue | undefined => {
    const parent = parentOf(entry.path);
    if (parent && blocked.has(parent))
      return {
        code: "PARENT_NOT_MIGRATED",
        message: `the folder ${parent} is not migrated`,
      };
    if (entry.issue) return entry.issue;
    if (entry.kind === "other") return { code: "NOT_A_FILE", message: "neither file nor folder" };
    return refusedByRule(entry, place, target);
  };

  const above: Plan["above"] = [];
  for (const folder of open) {
    if (refusal(folder)) blocked.add(folder.path);
    else above.push({ ...folder, id: idsOf(target, folder.path).id });
  }

  const items = entries.map((entry, index): PlanItem => {
    const before = earlier.get(entry.path);
    const same = before?.kind === entry.kind ? before : undefined;
    const arrived = same?.arrived;
    const issue = refusal(entry);
    if (issue) {
      if (entry.kind === "folder") blocked.add(entry.path);
      const action = SKIPPED_BY_RULE.has(issue.code) ? "skip" : "fail";
      // What is at the destination already stays known: a file that is locked today is not migrated again tomorrow.
      return { ...entry, ...(same && arrived && knownBefore(same)), issue, action };
    }
    const identity = {
      ...idsOf(target, entry.path),
      intId: firstIntId + index,
      ...(same && knownBefore(same)),
    };
    if (arrived && !isNewer(entry, arrived))
      return {
        ...entry,
        ...identity,
        action: "skip",
        issue: { code: "UNCHANGED", message: `migrated by round R${arrived.round}, not newer` },
      };
    return { ...entry, ...identity, action: "migrate" };
  });
  return { items, above };
}

/** The identity an item has from an earlier round, as far as it has one, and what arrived of it. */
function knownBefore({ id, listItemId, intId, arrived }: Outcome) {
  return {
    ...(id && listItemId && { id, listItemId }),
    ...(intId !== undefined && { intId }),
    ...(arrived && { arrived }),
  };
}

/** Server-relative folder the task's items land in. */
export const destinationFolder = (target: Target): string =>
  target.folders.at(-1)
    ? `${target.rootFolderUrl}/${target.folders.at(-1)?.path}`
    : target.rootFolderUrl;

/** Path of an item relative to the library's root. */
export const inLibrary = (target: Target, path: string): string =>
  joinPath(target.folders.at(-1)?.path ?? "", path);

/** Integer id of the first item of a segment: every segment has room for as many items as a package may have. */
export const firstIntId = (
  { intIdBase, settings }: Pick<RoundRecord, "intIdBase" | "settings">,
  segment: number,
): number => intIdBase + segment * settings.packageItems;

/** The first integer id that no item of the task has, after this round. */
export const nextIntId = (task: Pick<TaskRecord, "nextIntId">, round: RoundRecord): number =>
  Math.max(task.nextIntId, firstIntId(round, round.scan.segments));

export const idsOf = (target: Target, path: string) => itemIds(target, inLibrary(target, path));

/** A folder that has arrived stays as it is: its modified time only says that something in it changed. */
const isNewer = (entry: InventoryEntry, arrived: { modified: number; size: number }): boolean =>
  entry.kind === "file" &&
  (entry.modified > arrived.modified ||
    (entry.modified === arrived.modified && entry.size !== arrived.size));

function refusedByRule(entry: InventoryEntry, place: string, target: Target): Issue | undefined {
  const isFolder = entry.kind === "folder";
  const atLibraryRoot = target.folders.length === 0 && !parentOf(entry.path);
  const violation =
    checkName(baseName(entry.path), { isFolder, atLibraryRoot }) ??
    checkPath({ serverRelativeFolder: place }, entry.path) ??
    checkTime(entry.modified) ??
    checkTime(entry.created) ??
    (isFolder ? undefined : checkFileSize(entry.size));
  return violation && { code: violation.code, message: violation.message };
}
