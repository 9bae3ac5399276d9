import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { LocalLibrary } from "../local/parts.ts";

/**
 * Every library folder is the library of a site of its own. The site is named after the folder, so that the same folder is
 * the same destination for ever, whatever else is forgotten.
 */
export function libraryOf(folder: string): LocalLibrary {
  const name = basename(folder).replace(/[^\w-]+/g, "-");
  const hash = createHash("sha256").update(folder).digest("hex").slice(0, 8);
  return { site: `${name}-${hash}`, folder };
}

/** The wanted libraries and those of earlier migrations that are still there: their tasks may not have finished. */
export function withKnownLibraries(wanted: string[], known: string[]): LocalLibrary[] {
  return [...new Set([...wanted, ...known.filter((folder) => existsSync(folder))])].map(libraryOf);
}
