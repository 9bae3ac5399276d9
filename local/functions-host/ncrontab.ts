import { Cron } from "croner";
import { parseTimeSpan } from "./host-config.ts";

/** When a timer function runs. */
export interface Schedule {
  /** The first occurrence after `from`, if there is one. */
  next(from: Date): Date | undefined;
  /** A fixed interval rather than points on the clock. */
  constant: boolean;
}

/**
 * Parses a TimeSpan (`00:05:00`) or an NCRONTAB expression of six fields, or five without seconds.
 * Unlike in Unix cron, day and day of week must both match.
 */
export function parseSchedule(expression: string): Schedule {
  const interval = parseTimeSpan(expression);
  if (interval !== undefined) {
    return { constant: true, next: (from) => new Date(from.getTime() + interval) };
  }
  const cron = parseCron(expression);
  return { constant: false, next: (from) => cron.nextRun(from) ?? undefined };
}

function parseCron(expression: string): Cron {
  // NCRONTAB takes whole names, too: Monday, January.
  const short = expression.replace(/[a-z]{3,}/gi, (name) => name.slice(0, 3));
  try {
    return new Cron(short, {
      timezone: process.env.WEBSITE_TIME_ZONE ?? "UTC",
      mode: "5-or-6-parts",
      domAndDow: true,
      sloppyRanges: true, // "10/25": from 10 in steps of 25
      paused: true,
    });
  } catch (error) {
    throw new Error(`The schedule '${expression}' is no NCRONTAB expression: ${String(error)}`);
  }
}
