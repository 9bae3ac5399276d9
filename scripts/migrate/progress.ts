import type { Amount } from "../../shared/contracts/amounts.ts";
import type { RoundView } from "../../shared/contracts/rounds.ts";

export const STAGES = ["scan", "package", "upload", "import"] as const;
export type StageName = (typeof STAGES)[number];

export interface StageProgress {
  stage: StageName;
  done: Amount;
  /** Per second over the last five seconds. */
  rate: Amount;
  /** From 0 to 1; unknown while the scan has not told how much there is. */
  share?: number;
  /** Unknown while the scan goes on or nothing moves. */
  secondsLeft?: number;
  finished: boolean;
}

interface Sample {
  at: number;
  amounts: Record<StageName, Amount>;
}

const ITEM_WORK = 100_000;
const RATE_WINDOW_MS = 5_000;
/** Packages arrive in bursts: a longer window keeps the time left from jumping about. */
const LEFT_WINDOW_MS = 30_000;

/**
 * Turns views of a round into rates and times. Work is counted in bytes, with 100 KB on top for every item, which is about
 * what an item costs by itself; time left of a stage is the work that is left divided by the work of the last 30 seconds.
 * Items or bytes alone would be hours off whenever small files and large ones come one after the other.
 */
export function createProgress(): (round: RoundView, at: number) => StageProgress[] {
  const samples: Sample[] = [];
  return (round, at) => {
    const total = round.scanned;
    const amounts: Record<StageName, Amount> = {
      scan: round.scanned,
      package: round.packaged,
      upload: round.uploaded,
      import: round.imported,
    };
    samples.push({ at, amounts });
    // One sample older than the window stays, so that the window is covered.
    while ((samples[1]?.at ?? at) <= at - LEFT_WINDOW_MS) samples.shift();

    return STAGES.map((stage): StageProgress => {
      const { items, bytes } = amounts[stage];
      const rate = rateOf(samples, stage, at, RATE_WINDOW_MS);
      if (!round.scanFinished) return { stage, done: { items, bytes }, rate, finished: false };
      const left = { items: total.items - items, bytes: total.bytes - bytes };
      const finished = left.items <= 0;
      const pace = work(rateOf(samples, stage, at, LEFT_WINDOW_MS));
      const secondsLeft = finished ? 0 : pace > 0 ? work(left) / pace : undefined;
      return {
        stage,
        done: { items, bytes },
        rate,
        share: finished ? 1 : work({ items, bytes }) / work(total),
        ...(secondsLeft !== undefined && { secondsLeft }),
        finished,
      };
    });
  };
}

const work = ({ items, bytes }: Amount): number => bytes + items * ITEM_WORK;

function rateOf(samples: readonly Sample[], stage: StageName, at: number, window: number): Amount {
  const from = samples.findLast((sample) => sample.at <= at - window) ?? samples[0];
  const to = samples.at(-1);
  if (!from || !to || to.at === from.at) return { items: 0, bytes: 0 };
  const seconds = (to.at - from.at) / 1000;
  // Counters go back when an interrupted round begins again; a negative rate means nothing to anybody.
  const growth = (key: keyof Amount) =>
    Math.max(0, to.amounts[stage][key] - from.amounts[stage][key]) / seconds;
  return { items: growth("items"), bytes: growth("bytes") };
}
