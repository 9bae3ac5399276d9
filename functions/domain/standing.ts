import type { InventoryEntry, Issue } from "../../shared/contracts/inventory.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import type { Settings } from "../../shared/contracts/settings.ts";
import { uuid5 } from "../../shared/package/ids.ts";
import { mayBeTried, nameMapping } from "../../shared/rules/destinationName.ts";
import { checkPath } from "../../shared/rules/destinationPath.ts";
import { checkFileSize } from "../../shared/rules/fileSize.ts";
import { compileFilter } from "../../shared/rules/filters.ts";
import { checkName } from "../../shared/rules/names.ts";
import { baseName, joinPath, parentOf } from "../../shared/rules/paths.ts";
import { checkTime } from "../../shared/rules/times.ts";
import { destinationFolder, idsOf, inLibrary } from "./places.ts";
import type { Target } from "./records.ts";

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
  /** Somebody else's file in its place. */
  existing: ExistingItem | undefined;
  /** Its name, or that of a folder above, is one that SharePoint is expected to refuse. */
  isTried: boolean;
}

/**
 * Looks at one item after the other, in walk order, every folder before what is in it. What has arrived keeps name and identity
 * for ever, also when the settings would call it something else by now.
 */
export function standings({ target, settings, earlier, existing }: Surroundings) {
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
      isTried: parent?.isTried ?? false,
    };

    const issue =
      inherited(folder, parent) ??
      filter(entry) ??
      entry.issue ??
      (entry.kind === "other" ? NOT_A_FILE : undefined) ??
      checkPlace(entry, standing);
    if (issue) return { ...standing, issue };
    if (known?.arrived && known.id) {
      const { id, listItemId } = known;
      return { ...standing, ids: { id, ...(listItemId && { listItemId }) } };
    }
    return atDestination(entry, standing);
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

  /** An item that no earlier round brought, and who has its place at the destination. */
  function atDestination(entry: InventoryEntry, standing: Standing): Standing {
    const ids = idsOf(target, standing.destinationPath);
    const found = existing.get(inLibrary(target, standing.destinationPath).toLowerCase());
    if (!found) return { ...standing, ids };
    if (found.kind !== entry.kind) {
      const message = `the destination has a ${found.kind} of this name`;
      return { ...standing, issue: { code: "EXISTS_AT_DESTINATION", message } };
    }
    // Our own, from an attempt that was interrupted or from a task before this one.
    if (found.id === ids.id) return { ...standing, ids };
    if (found.kind === "folder") return { ...standing, ids: { id: found.id }, isAdopted: true };
    // SharePoint refuses a path that it knows under another id, so what replaces a file takes its id.
    const taken = { id: found.id, listItemId: uuid5(found.id, "listitem") };
    return { ...standing, ids: taken, existing: found };
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

const NOT_A_FILE: Issue = { code: "NOT_A_FILE", message: "neither file nor folder" };

export const isFiltered = (code: Issue["code"]): boolean => code.startsWith("FILTERED_");

/** What keeps a folder back keeps everything in it back. */
function inherited(folder: string, parent: Standing | undefined): Issue | undefined {
  if (!parent?.issue) return undefined;
  const { code } = parent.issue;
  return isFiltered(code)
    ? { code, message: `the folder ${folder} is left out` }
    : { code: "PARENT_NOT_MIGRATED", message: `the folder ${folder} is not migrated` };
}

/** What could not be looked at for a round has no kind, and is the same item before and after. */
const isSame = (before: Outcome, { kind }: InventoryEntry): boolean =>
  before.kind === kind || before.kind === "other" || kind === "other";
