import { joinPath, parentOf } from "../../rules/paths.ts";
import type { ManifestTarget } from "./types.ts";

/*
 * Three spellings of one place, each wanted by other attributes (MS docs: migration-manifest; the wrong one doubles the
 * site in the destination path: "/sites/x/sites/x/..."). `path` is relative to the library root, "" is the root folder.
 */

/** "/sites/finance/Shared Documents/Reports/a.txt" */
export function serverRelativeUrl(target: ManifestTarget, path: string): string {
  return joinPath(target.rootFolderUrl, path);
}

/** "Shared Documents/Reports/a.txt", relative to the web. */
export function webRelativeUrl(target: ManifestTarget, path: string): string {
  const web = target.webUrl.endsWith("/") ? target.webUrl : `${target.webUrl}/`;
  if (!target.rootFolderUrl.startsWith(web)) {
    throw new Error(
      `target.rootFolderUrl "${target.rootFolderUrl}" must lie below target.webUrl "${target.webUrl}"`,
    );
  }
  return serverRelativeUrl(target, path).slice(web.length);
}

/** "sites/finance/Shared Documents/Reports": the folder that holds the item, server-relative without the leading "/". */
export function dirName(target: ManifestTarget, path: string): string {
  return serverRelativeUrl(target, parentOf(path)).slice(1);
}
