import type { ContainerClient } from "@azure/storage-blob";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import { comparePaths } from "../../shared/rules/paths.ts";
import { type LedgerIndex, readLedgerIndex, readOutcomes } from "./roundBlobs.ts";

/**
 * What the last round says about the paths of a segment. Both are in walk order, so only the few outcome blobs whose range
 * overlaps are read, one line at a time: the whole comparison of a round is linear and its memory constant.
 */
export async function earlierOutcomes(
  outcomes: ContainerClient,
  ledger: { taskId: string; round: number },
  paths: readonly string[],
): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  const [first, last] = [paths[0], paths.at(-1)];
  if (first === undefined || last === undefined) return found;
  const wanted = new Set(paths);
  for (const range of await indexOf(outcomes, ledger)) {
    if (comparePaths(range.last, first) < 0) continue;
    if (comparePaths(range.first, last) > 0) break;
    for await (const outcome of readOutcomes(outcomes, ledger, range.segment))
      if (wanted.has(outcome.path)) found.set(outcome.path, outcome);
  }
  return found;
}

/** The index of the ledger in use: all packages of a round ask for the same one. */
let cached: { key: string; index: Promise<LedgerIndex> } | undefined;

function indexOf(
  outcomes: ContainerClient,
  ledger: { taskId: string; round: number },
): Promise<LedgerIndex> {
  const key = `${outcomes.url}/${ledger.taskId}/${ledger.round}`;
  if (cached?.key !== key) {
    const index = readLedgerIndex(outcomes, ledger).then((found) => found ?? []);
    index.catch(() => {
      cached = undefined;
    });
    cached = { key, index };
  }
  return cached.index;
}
