import { Cron } from "croner";
import type { Schedule, Window } from "../../../shared/contracts/schedules.ts";

/* When a task is due and when it may work, as pure functions of instants (milliseconds since 1970). */

/**
 * The first time after `after` at which the schedule wants a run; undefined when there is none any more. Where the clocks go
 * forward, a time of day that does not exist counts as the moment after the gap; where they go back, the first of two counts.
 */
export function nextRun(schedule: Schedule | undefined, after: number): number | undefined {
  if (!schedule) return undefined;
  if ("at" in schedule) {
    const at = Date.parse(schedule.at);
    return at > after ? at : undefined;
  }
  return pattern(schedule.cron, schedule.timeZone).nextRun(new Date(after))?.getTime();
}

/** Whether the schedule, as it is now, wants a run at exactly this time. */
export const isDueAt = (schedule: Schedule | undefined, at: number): boolean =>
  nextRun(schedule, at - 1000) === at;

export interface WindowState {
  open: boolean;
  /** When that changes; never, if absent. */
  changesAt?: number | undefined;
}

/** So many windows in a row without a gap are as good as no window. */
const CHAINED = 50;

/** Whether a task with these windows may work, and until when that is so. Without any it always may. */
export function windowState(windows: readonly Window[] | undefined, now: number): WindowState {
  if (!windows || windows.length === 0) return { open: true };
  const end = openUntil(windows, now);
  if (end === undefined) {
    const begins = windows.map((window) => beginOf(window).nextRun(new Date(now))?.getTime());
    return { open: false, changesAt: Math.min(...begins.filter((at) => at !== undefined)) };
  }
  let until = end;
  for (let windowsInRow = 0; windowsInRow < CHAINED; windowsInRow++) {
    const next = openUntil(windows, until);
    if (next === undefined) return { open: true, changesAt: until };
    until = next;
  }
  return { open: true };
}

/** The end of the window that is open at this time and ends last. */
function openUntil(windows: readonly Window[], at: number): number | undefined {
  const ends = windows.flatMap((window) => {
    const begin = beginOf(window)
      .previousRuns(2, new Date(at + 1000))
      .find((each) => each.getTime() <= at);
    const end = begin && pattern(`${clock(window.to)} * * *`, window.timeZone).nextRun(begin);
    return end && end.getTime() > at ? [end.getTime()] : [];
  });
  return ends.length > 0 ? Math.max(...ends) : undefined;
}

const beginOf = ({ days, from, timeZone }: Window) =>
  pattern(`${clock(from)} * * ${days.join(",")}`, timeZone);

/** "22:05" as the first two fields of cron. */
const clock = (time: string): string => time.split(":").reverse().map(Number).join(" ");

const pattern = (cron: string, timezone: string) =>
  new Cron(cron, { mode: "5-part", timezone, paused: true });

/** What people read. */
export const instant = (at: number): string => new Date(at).toISOString();

/** Why a task does not work now. */
export const outsideWindows = (opensAt: number | undefined): string =>
  `outside its windows${opensAt === undefined ? "" : `, the next one opens at ${instant(opensAt)}`}`;
