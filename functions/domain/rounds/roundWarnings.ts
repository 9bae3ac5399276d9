import type { Issue } from "../../../shared/contracts/inventory.ts";
import type { RoundRecord } from "../records.ts";

/** What keeps no item back and yet has to be known of a round: what its scan says of the source, and what the library will not do. */
export function roundWarnings({
  warnings = [],
  settings,
  target,
}: Pick<RoundRecord, "warnings" | "settings" | "target">): Issue[] {
  if (settings.fileVersions === 0 || !target?.versioningOff) return warnings;
  const message = `the library "${target.listTitle}" keeps the current content of each file alone`;
  return [...warnings, { code: "VERSIONING_OFF", message }];
}
