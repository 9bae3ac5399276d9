import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Every file below a folder with its content, by its path there. */
export function filesBelow(root: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(root.length + 1)] = readFileSync(path, "utf8");
  }
  return files;
}
