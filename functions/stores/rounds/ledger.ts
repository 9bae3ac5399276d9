import type { ContainerClient } from "@azure/storage-blob";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { comparePaths } from "../../../shared/rules/paths.ts";
import { type LedgerIndex, readLedgerIndex, readOutcomes } from "./roundBlobs.ts";

/**
 * What the last round says about paths, which are in walk order: those of a segment and the folders above it. Outcomes are in
 * that order too, so only the few blobs whose range has one of the paths are read, one line at a time: the whole
 * comparison of a round is linear and its memory constant.
 */
export async function earlierOutcomes(
  outcomes: ContainerClient,
  ledger: { taskId: string; round: number },
  paths: readonly string[],
): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  const wanted = new Set(paths);
  let next = 0;
  for (const range of await indexOf(outcomes, ledger)) {
    while (next < paths.length && comparePaths(paths[next] as string, range.first) < 0) next++;
    if (next === paths.length) break;
    if (comparePaths(paths[next] as string, range.last) > 0) continue;
    for await (const outcome of readOutcomes(outcomes, ledger, range.segment))
      if (wanted.has(outcome.path)) found.set(outcome.path, outcome);
  }
  return found;
}

/** Indexes in use: all packages of a round ask for the same one, and few rounds run at the same time. */
const cache = new Map<string, Promise<LedgerIndex>>();
const CACHED_INDEXES = 16;

function indexOf(
  outcomes: ContainerClient,
  ledger: { taskId: string; round: number },
): Promise<LedgerIndex> {
  const key = `${outcomes.url}/${ledger.taskId}/${ledger.round}`;
  const known = cache.get(key);
  if (known) return known;
  const index = readLedgerIndex(outcomes, ledger).then((found) => {
    if (found) return found;
    throw new Error(`round R${ledger.round} of task ${ledger.taskId} has no index`);
  });
  index.catch(() => cache.delete(key));
  cache.set(key, index);
  const oldest = cache.keys().next().value;
  if (cache.size > CACHED_INDEXES && oldest !== undefined) cache.delete(oldest);
  return index;
}
