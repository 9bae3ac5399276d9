import type { Amount } from "../../../shared/contracts/amounts.ts";
import type { RoundRecord } from "../records.ts";

/*
 * How far a round is, how quickly it goes and how long it will take.
 *
 * An item weighs its bytes and 64 KiB, because a small file costs requests rather than bandwidth. Of that weight, being packaged is
 * 5 %, uploaded 45 %, imported 40 % and recorded with its outcome 10 %:
 *
 *   done    = 0.05 packaged + 0.45 uploaded + 0.40 imported + 0.10 (migrated + skipped + failed)
 *   percent = 100 done / scanned, in weight, rounded down; 99 at most until the round is over
 *   rate    = what done has grown by, in items and in bytes, over the last five minutes (or as far back as is known); shown in
 *             whole bytes and hundredths of items
 *   seconds = what is left / rate, both in weight; only once the scan has ended, because until then nobody knows the rest
 *
 * While the scan goes on the percentage is that of what has been found so far. What needs no upload passes all stages at once.
 */

/** What an item weighs beside its bytes. */
const ITEM_WEIGHT = 64 * 1024;
const WINDOW_MS = 5 * 60_000;
const SAMPLE_MS = 10_000;

/** What was done at a moment: milliseconds since 1970, items and bytes. Fractions, because stages count in shares. */
export interface Sample {
  at: number;
  items: number;
  bytes: number;
}

type Stages = Pick<
  RoundRecord,
  "scan" | "packaged" | "uploaded" | "imported" | "migrated" | "skipped" | "failed"
>;

export interface Progress {
  percent: number;
  rate?: { itemsPerSecond: number; bytesPerSecond: number };
  secondsLeft?: number;
}

const weight = ({ items, bytes }: Amount) => bytes + ITEM_WEIGHT * items;

/** What is done of a round, in items and in bytes. */
export function doneOf({
  packaged,
  uploaded,
  imported,
  migrated,
  skipped,
  failed,
}: Stages): Amount {
  const sum = (key: keyof Amount) =>
    0.05 * packaged[key] +
    0.45 * uploaded[key] +
    0.4 * imported[key] +
    0.1 * (migrated[key] + skipped[key] + failed[key]);
  return { items: sum("items"), bytes: sum("bytes") };
}

/** The samples of a round with one of now, if it is time for one. Bounded: a window's worth, and the last one before it. */
export function withSample(samples: readonly Sample[], round: Stages, now: number): Sample[] {
  const last = samples.at(-1);
  if (last && now - last.at < SAMPLE_MS) return [...samples];
  const first = samples.findLastIndex(({ at }) => now - at >= WINDOW_MS);
  return [...samples.slice(Math.max(0, first)), { at: now, ...doneOf(round) }];
}

/** How far the round is at `now`. `isOver`: it has ended, by itself or by people. */
export function progressOf(
  round: Stages,
  samples: readonly Sample[],
  now: number,
  { isOver, isRunning }: { isOver: boolean; isRunning: boolean },
): Progress {
  const done = doneOf(round);
  const total = weight(round.scan);
  const share = total === 0 ? 0 : weight(done) / total;
  const isWhole = isOver && round.scan.finished && (total === 0 || share > 0.9999);
  const percent = isWhole ? 100 : Math.min(99, Math.floor(100 * share));
  const since = samples.findLast(({ at }) => now - at >= WINDOW_MS) ?? samples[0];
  const seconds = since ? (now - since.at) / 1000 : 0;
  if (!isRunning || !since || seconds < 1) return { percent };
  const rate = {
    itemsPerSecond: Math.max(0, done.items - since.items) / seconds,
    bytesPerSecond: Math.max(0, done.bytes - since.bytes) / seconds,
  };
  const pace = weight({ items: rate.itemsPerSecond, bytes: rate.bytesPerSecond });
  const left = Math.max(0, total - weight(done));
  return {
    percent,
    rate: {
      itemsPerSecond: Math.round(100 * rate.itemsPerSecond) / 100,
      bytesPerSecond: Math.round(rate.bytesPerSecond),
    },
    ...(round.scan.finished && pace > 0 && { secondsLeft: Math.ceil(left / pace) }),
  };
}
