import { Cron } from "croner";
import { z } from "zod";

/* When a task runs by itself, and when it may work. */

export const timeZoneSchema = z.string().refine(isTimeZone, {
  error: 'must be an IANA time zone, like "Europe/Paris"',
  abort: true,
});

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Once, at an instant. */
const onceSchema = z.strictObject({
  at: z.iso
    .datetime({
      offset: true,
      error: 'must be an instant with its zone, like "2026-01-31T22:00:00Z"',
    })
    .transform((text) => new Date(text).toISOString()),
});

/** Again and again: five fields of cron, in the time zone's own clock. */
const recurringSchema = z
  .strictObject({
    cron: z.string().trim().max(200),
    timeZone: timeZoneSchema.default("UTC"),
  })
  .superRefine(({ cron, timeZone }, context) => {
    const problem = cronProblem(cron, timeZone);
    if (problem) context.addIssue({ code: "custom", path: ["cron"], message: problem });
  });

function cronProblem(cron: string, timeZone: string): string | undefined {
  try {
    const next = new Cron(cron, { mode: "5-part", timezone: timeZone, paused: true }).nextRun();
    return next === null ? "never comes; choose a day that exists" : undefined;
  } catch (error) {
    const { message } = error as Error;
    return `must be five fields of cron, like "0 22 * * 1-5": ${message.replace(/^CronPattern: /, "")}`;
  }
}

export const scheduleSchema = z.union([onceSchema, recurringSchema], {
  error: 'must be { "at": … } or { "cron": …, "timeZone": … }',
});
export type Schedule = z.infer<typeof scheduleSchema>;

/** Clocks differ, and requests are repeated: what is late by less than this is meant. */
const LATE_MS = 5 * 60_000;

/** A schedule that somebody gives a task. A time long gone is a slip, and would run the task at once. */
export const newScheduleSchema = scheduleSchema.superRefine((schedule, context) => {
  const message = "is in the past; to run the task at once, leave the schedule out";
  if ("at" in schedule && Date.parse(schedule.at) < Date.now() - LATE_MS)
    context.addIssue({ code: "custom", path: ["at"], message });
});

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

const clockSchema = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day, like "22:00"');

/**
 * A time of the week in which the task may work. One whose end is not after its begin lasts until the next day; the day is
 * that of its begin.
 */
export const windowSchema = z.strictObject({
  days: z.array(z.enum(WEEKDAYS)).min(1).max(7),
  from: clockSchema,
  to: clockSchema,
  timeZone: timeZoneSchema.default("UTC"),
});
export type Window = z.infer<typeof windowSchema>;

/** Without any, a task may always work. */
export const windowsSchema = z.array(windowSchema).max(20);
