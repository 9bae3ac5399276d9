import picomatch from "picomatch";
import type { InventoryEntry, Issue } from "../contracts/inventory.ts";
import type { Settings } from "../contracts/settings.ts";
import { baseName, extensionOf } from "./paths.ts";

/** The settings that decide which items stay behind. */
export type FilterSettings = Pick<
  Settings,
  | "migrateHidden"
  | "createdAfter"
  | "createdBefore"
  | "modifiedAfter"
  | "modifiedBefore"
  | "excludeExtensions"
  | "excludeNames"
  | "excludeFolders"
>;

/** Why an item is left out, or undefined. What lies below a folder that is left out is the caller's business. */
export type Filter = (
  entry: Pick<InventoryEntry, "path" | "kind" | "created" | "modified" | "hidden">,
) => Issue | undefined;

/**
 * Makes the filter of a task. Times bound files only: a folder's times say little about what is in it. Nothing depends on the
 * case of letters, because SharePoint and Windows do not.
 */
export function compileFilter(settings: FilterSettings): Filter {
  const created = timeFilter(settings.createdAfter, settings.createdBefore);
  const modified = timeFilter(settings.modifiedAfter, settings.modifiedBefore);
  const extensions = new Set(extensionsOf(settings.excludeExtensions));
  const names = settings.excludeNames.map(nameMatcher);
  const folders = settings.excludeFolders.map((pattern) => glob(pattern));

  return (entry) => {
    const { path, kind } = entry;
    const name = baseName(path);
    if (!settings.migrateHidden && isHidden(entry))
      return { code: "FILTERED_HIDDEN", message: "hidden items are left out" };
    if (kind === "folder") {
      const pattern = settings.excludeFolders[folders.findIndex((matches) => matches(name))];
      if (pattern !== undefined)
        return { code: "FILTERED_FOLDER", message: `folders named ${pattern} are left out` };
    }
    const pattern = settings.excludeNames[names.findIndex((matches) => matches(path, name))];
    if (pattern !== undefined)
      return { code: "FILTERED_NAME", message: `what matches ${pattern} is left out` };
    if (kind !== "file") return undefined;
    const extension = extensionOf(path);
    if (extension !== "" && extensions.has(extension.toLowerCase()))
      return { code: "FILTERED_EXTENSION", message: `files of type ${extension} are left out` };
    if (!created(entry.created))
      return { code: "FILTERED_CREATED", message: `created ${iso(entry.created)}` };
    if (!modified(entry.modified))
      return { code: "FILTERED_MODIFIED", message: `modified ${iso(entry.modified)}` };
    return undefined;
  };
}

/** "TXT:.exe" -> txt, exe. */
function extensionsOf(list: string): string[] {
  return list
    .split(":")
    .map((text) => text.trim().replace(/^\./, "").toLowerCase())
    .filter(Boolean);
}

/** Node reads no attributes of Windows: there only what the agent marks, or a leading period, is known to be hidden. */
const isHidden = ({ path, hidden }: Pick<InventoryEntry, "path" | "hidden">): boolean =>
  hidden === true || baseName(path).startsWith(".");

function timeFilter(after: string | null, before: string | null): (ms: number) => boolean {
  // A date without a time is its midnight in UTC (ECMAScript: date-only forms).
  const from = after === null ? Number.NEGATIVE_INFINITY : Date.parse(after);
  const until = before === null ? Number.POSITIVE_INFINITY : Date.parse(before);
  return (ms) => ms >= from && ms < until;
}

/** A pattern with a slash is compared with the whole path, one without it with the name. */
function nameMatcher(pattern: string): (path: string, name: string) => boolean {
  const matches = glob(pattern.replace(/^\//, ""));
  return pattern.includes("/") ? (path) => matches(path) : (_path, name) => matches(name);
}

const glob = (pattern: string) => picomatch(pattern, { nocase: true, dot: true, windows: false });

const iso = (ms: number): string => {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? `${ms} ms after 1970` : time.toISOString();
};
