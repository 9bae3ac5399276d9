import { parseTimeSpan } from "./host-config.ts";

/** When a timer function runs. */
export interface Schedule {
  /** The first occurrence after `from`; undefined if there is none within ten years. */
  next(from: Date): Date | undefined;
  /** A fixed interval rather than points on the clock. */
  constant: boolean;
}

interface Field {
  name: string;
  min: number;
  max: number;
  names?: string[];
}

const FIELDS: Field[] = [
  { name: "second", min: 0, max: 59 },
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day", min: 1, max: 31 },
  {
    name: "month",
    min: 1,
    max: 12,
    names: "jan feb mar apr may jun jul aug sep oct nov dec".split(" "),
  },
  { name: "day of week", min: 0, max: 6, names: "sun mon tue wed thu fri sat".split(" ") },
];

const HORIZON_YEARS = 10;

/**
 * Parses a TimeSpan (`00:05:00`) or an NCRONTAB expression of six fields, or five without seconds.
 * All times are UTC. Unlike in Unix cron, day and day of week must both match.
 */
export function parseSchedule(expression: string): Schedule {
  const interval = parseTimeSpan(expression);
  if (interval !== undefined) {
    return { constant: true, next: (from) => new Date(from.getTime() + interval) };
  }
  let parts = expression.trim().split(/\s+/);
  if (parts.length === 5) parts = ["0", ...parts];
  if (parts.length !== 6) {
    throw new Error(
      `The schedule '${expression}' is neither an NCRONTAB expression nor a TimeSpan`,
    );
  }
  const sets = FIELDS.map((field, index) => parseField(field, parts[index] ?? "*", expression));
  return { constant: false, next: (from) => findNext(sets, from) };
}

function parseField(field: Field, text: string, expression: string): Set<number> {
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const [range = "", step] = item.split("/");
    const [low = "", high] = range.split("-");
    const from = low === "*" ? field.min : parseValue(field, low);
    // "5/10" means from 5 to the end in steps of 10.
    const open = low === "*" || (high === undefined && step !== undefined);
    const to = high !== undefined ? parseValue(field, high) : open ? field.max : from;
    const by = step === undefined ? 1 : Number(step);
    const valid = from >= field.min && from <= to && to <= field.max && by >= 1;
    if (!valid) throw new Error(`The schedule '${expression}' has a bad ${field.name}: '${item}'`);
    for (let value = from; value <= to; value += by) values.add(value);
  }
  return values;
}

function parseValue({ min, max, names }: Field, text: string): number {
  const named = names?.indexOf(text.slice(0, 3).toLowerCase()) ?? -1;
  const value = named >= 0 ? named + min : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return max === 6 && value === 7 ? 0 : value; // Sunday is 0 or 7
}

/** Walks forward, skipping whole months, days, hours and minutes that cannot match. */
function findNext(sets: Set<number>[], from: Date): Date | undefined {
  const fits = (index: number, value: number) => sets[index]?.has(value) ?? false;
  const at = new Date(Math.floor(from.getTime() / 1000) * 1000 + 1000);
  const lastYear = at.getUTCFullYear() + HORIZON_YEARS;
  while (at.getUTCFullYear() <= lastYear) {
    if (!fits(4, at.getUTCMonth() + 1)) {
      at.setUTCMonth(at.getUTCMonth() + 1, 1);
      at.setUTCHours(0, 0, 0);
    } else if (!fits(3, at.getUTCDate()) || !fits(5, at.getUTCDay())) {
      at.setUTCDate(at.getUTCDate() + 1);
      at.setUTCHours(0, 0, 0);
    } else if (!fits(2, at.getUTCHours())) at.setUTCHours(at.getUTCHours() + 1, 0, 0);
    else if (!fits(1, at.getUTCMinutes())) at.setUTCMinutes(at.getUTCMinutes() + 1, 0);
    else if (!fits(0, at.getUTCSeconds())) at.setUTCSeconds(at.getUTCSeconds() + 1);
    else return at;
  }
  return undefined;
}
