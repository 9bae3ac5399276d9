import { errorDefinition } from "../../../shared/contracts/errors.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { parentOf } from "../../../shared/rules/paths.ts";
import type { Services } from "../../services.ts";
import { earlierOutcomes } from "../../stores/rounds/ledger.ts";
import { readLedgerIndex } from "../../stores/rounds/roundBlobs.ts";

/**
 * What earlier rounds say about paths, the last one first. A round that could not list a folder says nothing of what is in it;
 * then the round before counts, so that what had arrived is not migrated again when the folder can be read again. `paths` are
 * in walk order, with the folders above them.
 */
export async function outcomesBefore(
  app: Pick<Services, "rounds" | "state">,
  { taskId, round }: { taskId: string; round: number | undefined },
  paths: readonly string[],
): Promise<Map<string, Outcome>> {
  if (round === undefined) return new Map();
  const found = await earlierOutcomes(app.state.outcomes, { taskId, round }, paths);
  const unread = unreadFolders(found);
  const unseen = paths.filter((path) => !found.has(path) && isBelow(path, unread));
  if (unseen.length === 0) return found;
  const before = { taskId, round: (await app.rounds.find(taskId, round))?.ledgerRound };
  // Rounds of long ago may be gone.
  if (
    before.round === undefined ||
    !(await readLedgerIndex(app.state.outcomes, { taskId, round: before.round }))
  )
    return found;
  const asked = paths.filter((path) => unread.has(path) || isBelow(path, unread));
  for (const [path, outcome] of await outcomesBefore(app, before, asked))
    if (!found.has(path)) found.set(path, outcome);
  return found;
}

/** Folders that the walk could not list, or not even look at. */
function unreadFolders(outcomes: ReadonlyMap<string, Outcome>): Set<string> {
  const unread = new Set<string>();
  for (const { path, kind, result, issue } of outcomes.values())
    if (
      kind !== "file" &&
      result === "failed" &&
      issue &&
      errorDefinition(issue.code).stage === "scan"
    )
      unread.add(path);
  return unread;
}

function isBelow(path: string, folders: ReadonlySet<string>): boolean {
  if (folders.size === 0) return false;
  for (let up = parentOf(path); up; up = parentOf(up)) if (folders.has(up)) return true;
  return false;
}
