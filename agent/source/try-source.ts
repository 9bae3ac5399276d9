import { readdir } from "node:fs/promises";
import type { SourceCheckAnswer } from "../../shared/contracts/agents.ts";
import { shown } from "../../shared/rules/paths.ts";
import type { Log } from "../log.ts";
import { openRoot, unusable } from "./root.ts";
import { openSnapshots } from "./snapshots.ts";

/**
 * Whether a task with this source could be scanned here: within the roots, there, and readable at its top. Says also where
 * older versions of its files would come from.
 */
export async function trySource(
  source: string,
  roots: readonly string[],
  log: Log,
): Promise<SourceCheckAnswer> {
  try {
    const root = await openRoot(source, roots);
    const names = await readdir(root);
    const found = await openSnapshots(root, { roots, log }).find();
    const past = found ? `${found.snapshots.length} in ${found.place}` : "none in the usual places";
    return {
      ok: true,
      detail:
        `${shown(root)} has ${names.length} entries at its top; snapshots of it: ${past}`.slice(
          0,
          2_000,
        ),
    };
  } catch (error) {
    const { code, message } = unusable(source, error);
    return { ok: false, detail: `${code}: ${message}`.slice(0, 2_000) };
  }
}
