import type {
  InventoryEntry,
  Issue,
  Version,
  VersionLeftOut,
} from "../../../shared/contracts/inventory.ts";
import { checkFileSize } from "../../../shared/rules/fileSize.ts";
import { checkTime } from "../../../shared/rules/times.ts";

export interface Versions {
  versions?: Version[];
  versionsLeftOut?: VersionLeftOut[];
}

/**
 * The older versions of an entry that SharePoint can store, each once: a snapshot may well hold again what an older one holds, or
 * the current content. What it cannot store is left out with the reason.
 */
export function versionsToBring({ size, modified, versions = [] }: InventoryEntry): Versions {
  const seen = new Set([contentKey({ size, modified })]);
  const bring: Version[] = [];
  const leftOut: VersionLeftOut[] = [];
  for (const version of versions) {
    const key = contentKey(version);
    if (seen.has(key)) continue;
    seen.add(key);
    const problem = checkTime(version.modified) ?? checkFileSize(version.size);
    if (!problem) bring.push(version);
    else {
      const { code, message } = problem;
      leftOut.push({ snapshot: version.snapshot, issue: { code, message } });
    }
  }
  return {
    ...(bring.length > 0 && { versions: bring }),
    ...(leftOut.length > 0 && { versionsLeftOut: leftOut }),
  };
}

/** What tells the contents of one file apart. */
export const contentKey = ({ size, modified }: { size: number; modified: number }): string =>
  `${modified}/${size}`;

const NAMED = 3;

/** What the report says of a file that came without some of its versions. */
export function leftOutIssue(leftOut: readonly VersionLeftOut[], came: number): Issue {
  const named = leftOut
    .slice(0, NAMED)
    .map(({ snapshot, issue }) => `${snapshot} (${issue.code}: ${issue.message.slice(0, 200)})`);
  const more = leftOut.length > NAMED ? `, and ${leftOut.length - NAMED} more` : "";
  return {
    code: "VERSION_NOT_READ",
    message: `${leftOut.length} of ${leftOut.length + came} older versions did not come: ${named.join(", ")}${more}`,
  };
}
