import { expect, it } from "@jest/globals";
import fc from "fast-check";
import { orderSnapshots } from "./snapshot-order.ts";

function order(names: string[], numbered = false) {
  const { ordered, unordered } = orderSnapshots(
    names.map((name) => ({ name })),
    { numbered },
  );
  return [ordered.map(({ name }) => name), unordered.map(({ name }) => name)];
}

it.each([
  ["hourly.2026-03-01_0305", "daily.2026-03-01_0010"],
  ["autosnap_2026-03-01_03:00:01_hourly", "autosnap_2026-03-01_03:00:00_daily"],
  ["zfs-auto-snap_hourly-2026-03-01-0317", "zfs-auto-snap_daily-2026-03-01-03h05"],
  ["auto-20260301.0305-2w", "auto-20260228.0305-2w"],
  ["@GMT-2026.03.01-03.04.05", "@GMT-2026.03.01-03.04.04"],
  ["GMT+08-2026.03.01-03.04.05", "GMT+08-2025.12.31-23.59.59"],
  ["scheduled-2026-03-01-03_05_00_UTC", "scheduled-2026-02-28-03_05_00_UTC"],
  ["snapmirror.4f2f-11e3_2147484677.2026-03-01_030500", "weekly.2026-02-22_0015"],
  ["2026-03-01T03:05:00Z", "2026-03-01T03:04:59Z"],
])("%s is newer than %s", (newer, older) => {
  expect(order([older, newer])).toEqual([[newer, older], []]);
  expect(order([newer, older])).toEqual([[newer, older], []]);
});

it("believes dates alone when no name has more, and those that only one has", () => {
  expect(order(["daily-2026-01-31", "daily-2026-02-01", "before-20250101"])).toEqual([
    ["daily-2026-02-01", "daily-2026-01-31", "before-20250101"],
    [],
  ]);
  expect(order(["a-2026-01-31", "b-2026-01-31", "c-2026-01-30"])).toEqual([
    ["c-2026-01-30"],
    ["a-2026-01-31", "b-2026-01-31"],
  ]);
  // At what time of that day?
  expect(order(["hourly.2026-01-31_1200", "before-2026-01-31"])).toEqual([
    ["hourly.2026-01-31_1200"],
    ["before-2026-01-31"],
  ]);
});

it("makes nothing up about other names", () => {
  const names = [
    "hourly.0",
    "hourly.1",
    "before the move",
    "12-31-2025_0305",
    "12-31-2025-03-05",
    "1.1.2025 12:31",
    "20261399",
    "7",
  ];
  expect(order(names)).toEqual([[], names]);
});

it("counts snapper's numbers, and nobody else's", () => {
  expect(order(["9", "10", "101"], true)).toEqual([["101", "10", "9"], []]);
  expect(order(["9", "10", "101"])).toEqual([[], ["9", "10", "101"]]);
  expect(order(["9", "10", "saved"], true)).toEqual([[], ["9", "10", "saved"]]);
});

it("loses none, whatever the names", () => {
  const part = fc.constantFrom("2026", "-", "01", "31", "_", "0305", "59", "a", "20250101");
  const name = fc.array(part, { minLength: 1, maxLength: 7 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.uniqueArray(name), fc.boolean(), (names, numbered) => {
      expect(order(names, numbered).flat().sort()).toEqual(names.sort());
    }),
  );
});
