import type { InventoryEntry, Issue } from "../../../shared/contracts/inventory.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import type { Settings } from "../../../shared/contracts/settings.ts";
import { uuid5 } from "../../../shared/package/ids.ts";
import { mayBeTried, nameMapping } from "../../../shared/rules/destinationName.ts";
import { checkPath } from "../../../shared/rules/destinationPath.ts";
import { checkFileSize } from "../../../shared/rules/fileSize.ts";
import { compileFilter } from "../../../shared/rules/filters.ts";
import { checkName } from "../../../shared/rules/names.ts";
import { baseName, joinPath, parentOf, shown } from "../../../shared/rules/paths.ts";
import { checkTime } from "../../../shared/rules/times.ts";
import type { Target } from "../records.ts";
import { destinationFolder, idsOf, inLibrary } from "./places.ts";

/** What lies at the destination in the place of an item; `modified` in milliseconds, whole seconds. */
export interface ExistingItem {
  id: string;
  kind: "file" | "folder";
  size: number;
  modified: number;
}

export interface Surroundings {
  target: Target;
  settings: Settings;
  /** Outcomes of earlier rounds by path. */
  earlier: ReadonlyMap<string, Outcome>;
  /** What the destination had before in the place of items, by lower-case path in the library. */
  existing: ReadonlyMap<string, ExistingItem>;
  /** An attempt that was interrupted may have brought the items already. */
  isRepeated?: boolean;
}

/** All that is known of an item before anything is done with it. */
export interface Standing {
  /** Path below the task's destination folder. */
  destinationPath: string;
  /** Why it is not migrated: left out by a filter, refused by a rule or by the source, or below a folder that is. */
  issue: Issue | undefined;
  /** What the last round that saw it says, if it is still the same kind of item. */
  known: Outcome | undefined;
  ids: { id: string; listItemId?: string } | undefined;
  /** A folder that somebody else made: it is used, and left as it is. */
  isAdopted: boolean;
  /** A file in its place that is not what the last round brought there. */
  existing: ExistingItem | undefined;
  /** `existing` has our identity: a task before this one brought it, or a round that nobody knows of any more. */
  isOurs: boolean;
  /** Its name, or that of a folder above, is one that SharePoint is expected to refuse. */
  isTried: boolean;
}

/**
 * Looks at one item after the other, in walk order, every folder before what is in it. What has arrived keeps name and identity
 * for ever, also when the settings would call it something else by now.
 */
export function standings(surroundings: Surroundings) {
  const { target, settings, earlier, existing, isRepeated = false } = surroundings;
  const filter = compileFilter(settings);
  const mapName = nameMapping(settings);
  const folders = new Map<string, Standing>();

  function look(entry: InventoryEntry): Standing {
    const folder = parentOf(entry.path);
    const parent = folders.get(folder);
    const before = earlier.get(entry.path);
    const known = before && isSame(before, entry) ? before : undefined;
    const destinationPath = known?.arrived
      ? (known.destinationPath ?? entry.path)
      : joinPath(parent?.destinationPath ?? folder, mapName(baseName(entry.path)));
    const standing: Standing = {
      ...{ destinationPath, known, issue: undefined, ids: undefined, existing: undefined },
      isAdopted: known?.adopted ?? false,
      isOurs: false,
      isTried: parent?.isTried ?? false,
    };

    const issue =
      inherited(folder, parent) ??
      filter(entry) ??
      entry.issue ??
      (entry.kind === "other" ? NOT_A_FILE : undefined) ??
      checkPlace(entry, standing);
    if (issue) return { ...standing, issue };
    const found = existing.get(inLibrary(target, destinationPath).toLowerCase());
    if (known?.arrived && known.id) {
      const { id, listItemId } = known;
      const ids = { id, ...(listItemId && { listItemId }) };
      return stillThere({ ...standing, ids }, known.arrived.modified, found);
    }
    return atDestination(entry, standing, found);
  }

  /** The rules of SharePoint, for the name that the item gets. */
  function checkPlace(entry: InventoryEntry, standing: Standing): Issue | undefined {
    const { destinationPath, known } = standing;
    const isFolder = entry.kind === "folder";
    const atLibraryRoot = target.folders.length === 0 && !parentOf(destinationPath);
    const name = baseName(destinationPath);
    const aboutName = checkName(name, { isFolder, atLibraryRoot });
    const isTried =
      aboutName !== undefined &&
      settings.invalidCharacters === "try" &&
      mayBeTried(aboutName.code, name);
    if (isTried && !known?.arrived) standing.isTried = true;
    const violation =
      (isTried ? undefined : aboutName) ??
      checkPath({ serverRelativeFolder: destinationFolder(target) }, destinationPath) ??
      checkTime(entry.modified) ??
      checkTime(entry.created) ??
      (isFolder ? undefined : checkFileSize(entry.size));
    return violation && { code: violation.code, message: violation.message };
  }

  /** An item that an earlier round brought: somebody may have changed it since, or put another one in its place. */
  function stillThere(
    standing: Standing,
    modified: number,
    found: ExistingItem | undefined,
  ): Standing {
    if (found?.kind !== "file" || isRepeated) return standing;
    const isOther = found.id !== standing.ids?.id;
    if (!isOther && found.modified <= inSeconds(modified)) return standing;
    return { ...standing, ...(isOther && { ids: idsInPlaceOf(found) }), existing: found };
  }

  /** An item that no earlier round brought, and what has its place at the destination. */
  function atDestination(
    entry: InventoryEntry,
    standing: Standing,
    found: ExistingItem | undefined,
  ): Standing {
    const ids = idsOf(target, standing.destinationPath);
    if (!found) return { ...standing, ids };
    if (found.kind !== entry.kind) {
      const message = `the destination has a ${found.kind} of this name`;
      return { ...standing, issue: { code: "EXISTS_AT_DESTINATION", message } };
    }
    const isOurs = found.id === ids.id;
    if (found.kind === "folder")
      return isOurs
        ? { ...standing, ids }
        : { ...standing, ids: { id: found.id }, isAdopted: true };
    if (!isOurs) return { ...standing, ids: idsInPlaceOf(found), existing: found };
    // From an attempt that was interrupted, or from a task before this one.
    return isRepeated ? { ...standing, ids } : { ...standing, ids, existing: found, isOurs };
  }

  return {
    look(entry: InventoryEntry): Standing {
      const standing = look(entry);
      if (entry.kind === "folder") folders.set(entry.path, standing);
      return standing;
    },
    /** What is found out about a folder later keeps everything below it back. */
    block(path: string, issue: Issue): void {
      const standing = folders.get(path);
      if (standing) folders.set(path, { ...standing, issue });
    },
  };
}

/** SharePoint refuses a path that it knows under another id, so what replaces a file takes its id. */
const idsInPlaceOf = ({ id }: ExistingItem) => ({ id, listItemId: uuid5(id, "listitem") });

/** As SharePoint keeps times. */
export const inSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

const NOT_A_FILE: Issue = { code: "NOT_A_FILE", message: "neither file nor folder" };

export const isFiltered = (code: Issue["code"]): boolean => code.startsWith("FILTERED_");

/** What keeps a folder back keeps everything in it back. */
function inherited(folder: string, parent: Standing | undefined): Issue | undefined {
  if (!parent?.issue) return undefined;
  const { code } = parent.issue;
  return isFiltered(code)
    ? { code, message: `the folder ${shown(folder)} is left out` }
    : { code: "PARENT_NOT_MIGRATED", message: `the folder ${shown(folder)} is not migrated` };
}

/** What could not be looked at for a round has no kind, and is the same item before and after. */
const isSame = (before: Outcome, { kind }: InventoryEntry): boolean =>
  before.kind === kind || before.kind === "other" || kind === "other";
