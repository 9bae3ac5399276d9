import type { LastRound } from "../../../shared/contracts/rounds.ts";
import type { RoundRecord } from "../records.ts";

/** What lists show of a round. */
export const lastRoundOf = (round: RoundRecord): LastRound => {
  const { number, state, startedAt, endedAt, migrated, skipped, failed } = round;
  return {
    ...{ number, state, startedAt, migrated, skipped, failed },
    ...(endedAt !== undefined && { endedAt }),
  };
};
