import { describe, expect, it } from "@jest/globals";
import { scheduleSchema, windowSchema } from "./schedules.ts";

const problems = (input: unknown) =>
  scheduleSchema.safeParse(input).error?.issues.map(({ message }) => message) ?? [];

describe("a schedule", () => {
  it.each([
    [{ at: "2026-01-31T22:00:00Z" }, { at: "2026-01-31T22:00:00.000Z" }],
    [{ at: "2026-01-31T22:00:00+01:00" }, { at: "2026-01-31T21:00:00.000Z" }],
    [{ cron: "0 22 * * 1-5" }, { cron: "0 22 * * 1-5", timeZone: "UTC" }],
    [
      { cron: "*/15 2 * * sun", timeZone: "Europe/Paris" },
      { cron: "*/15 2 * * sun", timeZone: "Europe/Paris" },
    ],
  ])("may be %j", (input, kept) => expect(scheduleSchema.parse(input)).toEqual(kept));

  it.each([
    {},
    { at: "tomorrow" },
    { at: "2026-01-31T22:00:00" },
    { cron: "99 * * * *" },
    { cron: "* * * * * *" },
    { cron: "0 0 30 2 *" },
    { cron: "0 22 * * *", timeZone: "Paris" },
    { at: "2026-01-31T22:00:00Z", cron: "0 22 * * *" },
  ])("may not be %j", (input) => expect(problems(input)).toHaveLength(1));
});

describe("a window", () => {
  const window = (more: object) => ({ days: ["mon"], from: "22:00", to: "06:00", ...more });

  it("may go past midnight, and is in UTC unless told otherwise", () => {
    expect(windowSchema.parse(window({}))).toEqual(window({ timeZone: "UTC" }));
  });

  it.each([{ days: [] }, { days: ["Monday"] }, { from: "24:00" }, { to: "6:00" }])(
    "may not have %j",
    (more) => expect(windowSchema.safeParse(window(more)).success).toBe(false),
  );
});
