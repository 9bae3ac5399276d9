import { describe, expect, it } from "@jest/globals";
import type { Window } from "../../../shared/contracts/schedules.ts";
import { isDueAt, nextRun, windowState } from "./schedules.ts";

const at = (text: string) => Date.parse(text);
const iso = (time: number | undefined) => time && new Date(time).toISOString();

describe("a schedule", () => {
  it("once: comes once", () => {
    const once = { at: "2026-03-01T22:00:00.000Z" };
    expect(iso(nextRun(once, at("2026-03-01T21:59:59Z")))).toBe(once.at);
    expect(nextRun(once, at(once.at))).toBeUndefined();
    expect(isDueAt(once, at(once.at))).toBe(true);
    expect(isDueAt(once, at("2026-03-02T22:00:00Z"))).toBe(false);
    expect(nextRun(undefined, 0)).toBeUndefined();
  });

  // Paris: clocks go from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25, both at 01:00Z.
  it.each([
    ["on ordinary days", "30 2 * * *", "2026-03-27T12:00:00Z", "2026-03-28T01:30:00.000Z"],
    [
      "where the time does not exist",
      "30 2 * * *",
      "2026-03-28T12:00:00Z",
      "2026-03-29T01:00:00.000Z",
    ],
    ["the day after", "30 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00.000Z"],
    [
      "where the time is there twice",
      "30 2 * * *",
      "2026-10-24T12:00:00Z",
      "2026-10-25T00:30:00.000Z",
    ],
    ["and not the second time", "30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00.000Z"],
    [
      "every half hour through the change",
      "*/30 * * * *",
      "2026-10-25T00:30:00Z",
      "2026-10-25T01:00:00.000Z",
    ],
    ["on working days only", "0 22 * * 1-5", "2026-06-05T21:00:00Z", "2026-06-08T20:00:00.000Z"],
  ])("by cron in Paris, %s", (_when, cron, after, next) => {
    const schedule = { cron, timeZone: "Europe/Paris" };
    expect(iso(nextRun(schedule, at(after)))).toBe(next);
    expect(isDueAt(schedule, at(next))).toBe(true);
    expect(isDueAt(schedule, at(next) + 60_000)).toBe(false);
  });
});

describe("windows", () => {
  const nights: Window = {
    ...{ days: ["mon", "tue", "wed", "thu", "fri"], from: "22:00", to: "06:00" },
    timeZone: "Europe/Paris",
  };
  const weekend: Window = {
    days: ["sat", "sun"],
    from: "00:00",
    to: "00:00",
    timeZone: "Europe/Paris",
  };
  const state = (windows: Window[], now: string) => {
    const { open, changesAt } = windowState(windows, at(now));
    return [open, iso(changesAt)];
  };

  it("without any, a task may always work", () => {
    expect(windowState(undefined, 0)).toEqual({ open: true });
    expect(windowState([], 0)).toEqual({ open: true });
  });

  it.each([
    // Summer: Paris is two hours ahead. 2026-06-01 is a Monday.
    ["before it opens", "2026-06-01T19:59:59Z", false, "2026-06-01T20:00:00.000Z"],
    ["at its begin", "2026-06-01T20:00:00Z", true, "2026-06-02T04:00:00.000Z"],
    ["after midnight", "2026-06-02T03:59:59Z", true, "2026-06-02T04:00:00.000Z"],
    ["at its end", "2026-06-02T04:00:00Z", false, "2026-06-02T20:00:00.000Z"],
    [
      "that of Friday lasts into Saturday",
      "2026-06-06T01:00:00Z",
      true,
      "2026-06-06T04:00:00.000Z",
    ],
    ["none begins on Saturday", "2026-06-06T05:00:00Z", false, "2026-06-08T20:00:00.000Z"],
  ])("at night: %s", (_when, now, open, changes) => {
    expect(state([nights], now)).toEqual([open, changes]);
  });

  it("that touch are one", () => {
    // From Friday 22:00 to Monday 00:00 in Paris.
    expect(state([nights, weekend], "2026-06-05T21:00:00Z")).toEqual([
      true,
      "2026-06-07T22:00:00.000Z",
    ]);
  });

  it("that cover the week never close", () => {
    const always: Window = { ...weekend, days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] };
    expect(state([always], "2026-06-05T21:00:00Z")).toEqual([true, undefined]);
  });

  it("are an hour shorter or longer where the clocks change", () => {
    const night: Window = { ...nights, days: ["sat"], from: "23:00", to: "04:00" };
    const length = (now: string) => {
      const begin = windowState([night], at(now)).changesAt as number;
      return ((windowState([night], begin).changesAt as number) - begin) / 3600_000;
    };
    expect(length("2026-03-21T12:00:00Z")).toBe(5);
    expect(length("2026-03-28T12:00:00Z")).toBe(4);
    expect(length("2026-10-24T12:00:00Z")).toBe(6);
  });
});
