import type { Snapshot } from "./snapshots.ts";

export interface Ordered<T> {
  /** Newest first. */
  ordered: T[];
  /** Those of which nothing says when they were taken. */
  unordered: T[];
}

/**
 * Which snapshot is newer than which. Only the name is believed: the modified time of a snapshot's folder is that of the
 * folder it is a snapshot of, and names as "hourly.0" wander from one snapshot to the next. So there has to be a date with a
 * time in the name, as file servers write it (or only dates, if no name has more and no two are the same), or a number that
 * counts, which is known of snapper's alone.
 */
export function orderSnapshots<T extends Pick<Snapshot, "name">>(
  snapshots: readonly T[],
  { numbered }: { numbered: boolean },
): Ordered<T> {
  const stamp = numbered && snapshots.every(({ name }) => /^\d{1,15}$/.test(name)) ? count : date;
  const stamped = snapshots.map((snapshot) => ({ snapshot, stamp: stamp(snapshot.name) }));
  const digits = Math.max(0, ...stamped.map((each) => each.stamp?.length ?? 0));
  const times = new Map<string, number>();
  for (const each of stamped)
    if (each.stamp) times.set(each.stamp, (times.get(each.stamp) ?? 0) + 1);
  const isKnown = (stamp: string | undefined): stamp is string =>
    stamp?.length === digits && (digits > DAY || times.get(stamp) === 1);

  const known = stamped.filter((each) => isKnown(each.stamp));
  known.sort((a, b) => Number(b.stamp) - Number(a.stamp));
  return {
    ordered: known.map(({ snapshot }) => snapshot),
    unordered: stamped.filter((each) => !isKnown(each.stamp)).map(({ snapshot }) => snapshot),
  };
}

/** Digits of a date; a time has six more. */
const DAY = 8;
/** Year first, and not the end of a date that has it last. */
const STAMP =
  /(?<!\d|\d\D\d\d?\D)((?:19|20)\d\d)(\D?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?:\D{0,2}([01]\d|2[0-3])\D{0,2}([0-5]\d)(?:\D{0,2}([0-5]\d))?)?(?!\d)/g;

/** "hourly.2026-03-01_0005" -> "20260301000500", "daily-20260301" -> "20260301": what sorts as the times do. */
function date(name: string): string | undefined {
  const [, year, , month, day, hour, minute, second = "00"] =
    [...name.matchAll(STAMP)].at(-1) ?? [];
  if (day === undefined) return undefined;
  return `${year}${month}${day}${hour === undefined ? "" : `${hour}${minute}${second}`}`;
}

const count = (name: string): string => name.padStart(15, "0");
