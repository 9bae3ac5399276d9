import type { RoundView } from "../../shared/contracts/rounds.ts";

export const STAGES = ["scan", "package", "upload", "import"] as const;
export type Stage = (typeof STAGES)[number];

/** The round as it was seen, `seconds` after its start. */
export interface StageSample {
  seconds: number;
  round: RoundView;
}

const amountOf = (stage: Stage, round: RoundView) =>
  ({
    scan: round.scanned,
    package: round.packaged,
    upload: round.uploaded,
    import: round.imported,
  })[stage];

/** How long a stage was at work, from the last sample without anything done to the first with everything, and its rates. */
export function stageFigures(samples: readonly StageSample[], stage: Stage) {
  const last = samples.at(-1);
  const total = last ? amountOf(stage, last.round) : { items: 0, bytes: 0 };
  const began = samples.findLast(({ round }) => amountOf(stage, round).items === 0)?.seconds ?? 0;
  const ended =
    samples.find(({ round }) => amountOf(stage, round).items >= total.items)?.seconds ?? 0;
  const seconds = Math.max(ended - began, 0.1);
  return {
    seconds,
    itemsPerSecond: total.items / seconds,
    megabytesPerSecond: total.bytes / 1e6 / seconds,
  };
}
