import { describe, expect, it } from "@jest/globals";
import { parseSchedule } from "./ncrontab.ts";

function occurrences(expression: string, from: string, count: number): string[] {
  const schedule = parseSchedule(expression);
  const found: string[] = [];
  for (let at = new Date(from); found.length < count; ) {
    const next = schedule.next(at);
    if (!next) break;
    found.push(next.toISOString().slice(0, 19));
    at = next;
  }
  return found;
}

describe("NCRONTAB", () => {
  it.each([
    ["*/20 * * * * *", ["2026-02-28T23:59:40", "2026-03-01T00:00:00", "2026-03-01T00:00:20"]],
    ["0 */5 * * * *", ["2026-03-01T00:00:00", "2026-03-01T00:05:00", "2026-03-01T00:10:00"]],
    [
      "0 30 9-11 * * mon-fri",
      ["2026-03-02T09:30:00", "2026-03-02T10:30:00", "2026-03-02T11:30:00"],
    ],
    ["0 0 0 29 feb *", ["2028-02-29T00:00:00", "2032-02-29T00:00:00", "2036-02-29T00:00:00"]],
    ["0 0 0 1,15 * *", ["2026-03-01T00:00:00", "2026-03-15T00:00:00", "2026-04-01T00:00:00"]],
    ["10/25 0 0 * * *", ["2026-03-01T00:00:10", "2026-03-01T00:00:35", "2026-03-02T00:00:10"]],
    ["0 12 * * 7", ["2026-03-01T12:00:00", "2026-03-08T12:00:00", "2026-03-15T12:00:00"]],
    ["0 0 0 13 * fri", ["2026-03-13T00:00:00", "2026-11-13T00:00:00", "2027-08-13T00:00:00"]],
  ])("%s", (expression, expected) => {
    expect(occurrences(expression, "2026-02-28T23:59:30Z", 3)).toEqual(expected);
  });

  it("takes a TimeSpan as an interval", () => {
    expect(parseSchedule("00:05:00").constant).toBe(true);
    expect(occurrences("1.00:00:30", "2026-02-28T00:00:00Z", 1)).toEqual(["2026-03-01T00:00:30"]);
  });

  it("has no occurrence for a date that does not exist", () => {
    expect(parseSchedule("0 0 0 30 2 *").next(new Date())).toBeUndefined();
  });

  it.each([
    "",
    "* * *",
    "60 * * * * *",
    "* * * 0 * *",
    "*/0 * * * * *",
    "5-1 * * * * *",
    "x * * * * *",
  ])("refuses %p", (expression) => expect(() => parseSchedule(expression)).toThrow(/The schedule/));
});
