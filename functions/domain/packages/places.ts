import { itemIds } from "../../../shared/package/ids.ts";
import { joinPath } from "../../../shared/rules/paths.ts";
import type { Target } from "../records.ts";

/** Server-relative folder the task's items land in. */
export const destinationFolder = (target: Target): string =>
  target.folders.at(-1)
    ? `${target.rootFolderUrl}/${target.folders.at(-1)?.path}`
    : target.rootFolderUrl;

/** A path below the task's destination folder, relative to the library's root. */
export const inLibrary = (target: Target, path: string): string =>
  joinPath(target.folders.at(-1)?.path ?? "", path);

/** An item of the source; it may have another name at the destination, or lie in a folder that has. */
export interface Placed {
  path: string;
  /** Path below the task's destination folder, where it is not `path`. */
  destinationPath?: string | undefined;
}

export const destinationPathOf = ({ path, destinationPath }: Placed): string =>
  destinationPath ?? path;

/** Path of an item at the destination, relative to the library's root. */
export const placeInLibrary = (target: Target, item: Placed): string =>
  inLibrary(target, destinationPathOf(item));

/** The ids of what lies at a path below the task's destination folder, unless it has others from before. */
export const idsOf = (target: Target, path: string) => itemIds(target, inLibrary(target, path));
