import { constants } from "node:buffer";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Azurite 3.36 keeps all metadata of a service in memory and writes it as one JSON string: where that passes the longest
 * string of V8 (about 512 MB, some 900,000 rows of a table) its process ends, and ends again at every start.
 */
const LIMIT_BYTES = constants.MAX_STRING_LENGTH;
const WARN_AT_PERCENT = [50, 75, 90];

/** Looks at Azurite's files in a folder. Every call returns a warning when a file has passed one more threshold. */
export function createSizeWatch(folder: string): () => string | undefined {
  const passed = new Map<string, number>();
  return () => {
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".json"))) {
      const size = statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
      const percent = (size / LIMIT_BYTES) * 100;
      const count = WARN_AT_PERCENT.filter((threshold) => percent >= threshold).length;
      if (count <= (passed.get(name) ?? 0)) continue;
      passed.set(name, count);
      return `Warning: ${join(folder, name)} has reached ${Math.floor(percent)} % of the ${Math.round(LIMIT_BYTES / 1_000_000)} MB at which local storage breaks down. Use another --data folder for further migrations, or a storage account in Azure.`;
    }
    return undefined;
  };
}
