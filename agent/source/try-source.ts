import { readdir } from "node:fs/promises";
import type { SourceCheckAnswer } from "../../shared/contracts/agents.ts";
import { openRoot, unusable } from "./root.ts";

/** Whether a task with this source could be scanned here: within the roots, there, and readable at its top. */
export async function trySource(
  source: string,
  roots: readonly string[],
): Promise<SourceCheckAnswer> {
  try {
    const root = await openRoot(source, roots);
    const names = await readdir(root);
    return { ok: true, detail: `${root} has ${names.length} entries at its top` };
  } catch (error) {
    const { code, message } = unusable(source, error);
    return { ok: false, detail: `${code}: ${message}`.slice(0, 2_000) };
  }
}
