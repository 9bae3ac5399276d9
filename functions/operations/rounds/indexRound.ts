import type { Services } from "../../services.ts";
import {
  type LedgerIndex,
  readLedgerIndex,
  writeLedgerIndex,
} from "../../stores/rounds/roundBlobs.ts";

type RoundRef = { taskId: string; round: number };

/** Writes down which paths each outcome blob of a round covers: the next round is compared with these. */
export async function indexRound({ rounds, state }: Services, ref: RoundRef): Promise<void> {
  const index: LedgerIndex = [];
  for await (const { segment, value } of rounds.listPackages(ref.taskId, ref.round))
    index.push({ segment, first: value.summary.first, last: value.summary.last });
  await writeLedgerIndex(state.outcomes, ref, index);
}

/** The same, should a store have lost it. */
export async function ensureIndex(app: Services, ref: RoundRef): Promise<void> {
  if (!(await readLedgerIndex(app.state.outcomes, ref))) await indexRound(app, ref);
}
