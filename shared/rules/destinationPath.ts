import { MAX_PATH_LENGTH } from "./limits.ts";
import type { RuleViolation } from "./names.ts";
import { joinPath } from "./paths.ts";

/** The folder items land in, decoded and server-relative: "/sites/finance/Shared Documents/Archive 2019". */
export interface DestinationFolder {
  serverRelativeFolder: string;
}

/**
 * Undefined when the item's path at the destination fits, otherwise PATH_TOO_LONG.
 *
 * SharePoint counts the decoded path from the first "/" after the host name: site, library, folders, file name and every
 * slash, no percent-encoding and no host (the support article's example; measured in chuvash.eu, "The Path Length Limit
 * of 400 chars in SharePoint Online"). Characters are UTF-16 code units, as .NET and nvarchar count.
 */
export function checkPath(
  { serverRelativeFolder }: DestinationFolder,
  relativePath: string,
): RuleViolation | undefined {
  const { length } = joinPath(serverRelativeFolder, relativePath);
  if (length <= MAX_PATH_LENGTH) return undefined;
  return {
    code: "PATH_TOO_LONG",
    message: `the path at the destination would have ${length} characters, SharePoint takes ${MAX_PATH_LENGTH}: shorten names or choose a folder nearer to the root`,
  };
}
