import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";
import { JobSlots } from "./jobSlots.ts";
import type { PackageRef } from "./rounds/refs.ts";
import { openTable } from "./storage/documents.ts";

let storage: TestStorage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

/** As several processes have them: over the same table. */
async function slots(perSite: number, total = 5_000, processes = 1): Promise<JobSlots[]> {
  const table = await openTable(storage.connection, `${uniquePrefix()}Slots`);
  return Array.from({ length: processes }, () => new JobSlots(table, { perSite, total }));
}
const pkg = (segment: number, more: Partial<PackageRef> = {}): PackageRef => ({
  ...{ taskId: "sess0000-task0000", round: 0, run: "run000", segment },
  ...more,
});
const NOW = Date.UTC(2026, 0, 1);
const MINUTES = 60_000;

it("gives a site as many slots as it may have, whoever asks", async () => {
  const crowd = await slots(5, 5_000, 4);
  const taken = await Promise.all(
    Array.from({ length: 12 }, (_, n) => crowd[n % 4]?.take("site", pkg(n), NOW)),
  );
  expect(taken.filter(Boolean)).toHaveLength(5);
  expect(await crowd[0]?.count("site", NOW)).toBe(5);
  expect(await crowd[0]?.take("other-site", pkg(20), NOW)).toBe(true);
});

it("gives the same package its slot again, also to another run, and a released one to the next", async () => {
  const [one] = (await slots(1)) as [JobSlots];
  expect(await one.take("site", pkg(1), NOW)).toBe(true);
  expect(await one.take("site", pkg(1, { run: "run001" }), NOW)).toBe(true);
  expect(await one.take("site", pkg(2), NOW)).toBe(false);
  await one.release("site", pkg(2));
  expect(await one.take("site", pkg(2), NOW)).toBe(false);
  await one.release("site", pkg(1));
  expect(await one.take("site", pkg(2), NOW)).toBe(true);
});

it("frees the slot of whoever has died, and counts a job that is followed again", async () => {
  const [one] = (await slots(1)) as [JobSlots];
  await one.take("site", pkg(1), NOW);
  await one.keep("site", pkg(1), NOW + 6 * MINUTES);
  expect(await one.take("site", pkg(2), NOW + 11 * MINUTES)).toBe(false);
  expect(await one.take("site", pkg(2), NOW + 17 * MINUTES)).toBe(true);
  await one.keep("site", pkg(1), NOW + 18 * MINUTES);
  expect(await one.count("site", NOW + 18 * MINUTES)).toBe(2);
});

it("knows a limit over all sites", async () => {
  const [one, two] = (await slots(10, 3, 2)) as [JobSlots, JobSlots];
  for (let n = 0; n < 3; n++) expect(await one.take(`site${n}`, pkg(n), NOW)).toBe(true);
  expect(await two.take("site4", pkg(4), NOW + 6_000)).toBe(false);
  await one.release("site0", pkg(0));
  expect(await two.take("site4", pkg(4), NOW + 12_000)).toBe(true);
});

describe("who waits", () => {
  it("is served in the order of coming, however often others ask", async () => {
    const crowd = await slots(2, 5_000, 3);
    const at = (n: number) => crowd[n % 3] as JobSlots;
    for (const n of [100, 101]) await at(n).take("site", pkg(n), NOW);
    const waiting = Array.from({ length: 30 }, (_, n) => n);
    for (const n of waiting) expect(await at(n).take("site", pkg(n), NOW + n)).toBe(false);
    const served: number[] = [];
    let held = [100, 101];
    for (let round = 1; served.length < waiting.length; round++) {
      for (const n of held) await at(n).release("site", pkg(n));
      held = [];
      // The last comes first, and more often.
      for (const n of [...waiting].reverse().concat(waiting, 29, 28))
        if (
          !served.includes(n) &&
          (await at(n + round).take("site", pkg(n), NOW + round * 1_000))
        ) {
          served.push(n);
          held.push(n);
        }
      expect(held.length).toBeLessThanOrEqual(2);
    }
    // Two slots at once may be given in either order.
    const inPairs = waiting.map((n) => Math.floor((served[n] as number) / 2));
    expect(inPairs).toEqual(waiting.map((n) => Math.floor(n / 2)));
  });

  it("holds nobody up when it asks no more, and has its place again when it does", async () => {
    const [one] = (await slots(1)) as [JobSlots];
    await one.take("site", pkg(9), NOW);
    for (const n of [1, 2, 3]) expect(await one.take("site", pkg(n), NOW + n)).toBe(false);
    await one.release("site", pkg(9));
    // 1 is silent for two minutes.
    const later = NOW + 2 * MINUTES;
    expect(await one.take("site", pkg(3), later)).toBe(true);
    expect(await one.take("site", pkg(2), later)).toBe(false);
    expect(await one.take("site", pkg(1), later)).toBe(false);
    await one.release("site", pkg(3));
    expect(await one.take("site", pkg(2), later)).toBe(false);
    expect(await one.take("site", pkg(1), later)).toBe(true);
    await one.release("site", pkg(1));
    // One that gives up its place is not waited for.
    expect(await one.take("site", pkg(4), later)).toBe(false);
    await one.release("site", pkg(2));
    expect(await one.take("site", pkg(4), later)).toBe(true);
  });

  it("may be more than the row has room for", async () => {
    const [one] = (await slots(1)) as [JobSlots];
    await one.take("site", pkg(999), NOW);
    for (let n = 0; n < 230; n++) expect(await one.take("site", pkg(n), NOW)).toBe(false);
    await one.release("site", pkg(999));
    expect(await one.take("site", pkg(229), NOW)).toBe(false);
    expect(await one.take("site", pkg(0), NOW)).toBe(true);
  });
});

it("does not wait for a line of those who are gone", async () => {
  const [one] = (await slots(1)) as [JobSlots];
  await one.take("site", pkg(999), NOW);
  for (let n = 0; n < 200; n++) await one.take("site", pkg(n), NOW);
  await one.release("site", pkg(999));
  expect(await one.take("site", pkg(500), NOW + 2 * MINUTES)).toBe(true);
});

describe("a job that nobody looks after", () => {
  it("is named after three minutes, and its slot is free when SharePoint says that it is over", async () => {
    const [one, two] = (await slots(1, 5_000, 2)) as [JobSlots, JobSlots];
    await one.take("site", pkg(1), NOW);
    await one.keep("site", pkg(1), NOW, "job-1");
    expect(await two.silent("site", NOW + 2 * MINUTES)).toEqual([]);
    await one.keep("site", pkg(1), NOW + 2 * MINUTES, "job-1");
    expect(await two.silent("site", NOW + 4 * MINUTES)).toEqual([]);
    const silent = await two.silent("site", NOW + 6 * MINUTES);
    expect(silent).toEqual([{ holder: expect.stringContaining("task0000"), job: "job-1" }]);
    for (const each of silent) await two.stillThere("site", each, NOW + 6 * MINUTES);
    expect(await two.silent("site", NOW + 7 * MINUTES)).toEqual([]);
    expect(await two.take("site", pkg(2), NOW + 14 * MINUTES)).toBe(false);
    for (const { holder } of silent) await two.free("site", holder, "another job");
    expect(await two.take("site", pkg(2), NOW + 14 * MINUTES)).toBe(false);
    for (const { holder, job } of silent) await two.free("site", holder, job);
    expect(await two.take("site", pkg(2), NOW + 14 * MINUTES)).toBe(true);
  });

  it("and that SharePoint has not named is believed until its lease ends", async () => {
    const [one] = (await slots(1)) as [JobSlots];
    await one.take("site", pkg(1), NOW);
    expect(await one.silent("site", NOW + 9 * MINUTES)).toEqual([]);
    expect(await one.take("site", pkg(2), NOW + 9 * MINUTES)).toBe(false);
    expect(await one.take("site", pkg(2), NOW + 11 * MINUTES)).toBe(true);
  });
});

it("a row of an earlier version is understood", async () => {
  const table = await openTable(storage.connection, `${uniquePrefix()}Slots`);
  const data = JSON.stringify({ holders: { "t.R0.000001": NOW + MINUTES } });
  await table.createEntity({ partitionKey: "jobs", rowKey: "site", data });
  const store = new JobSlots(table, { perSite: 1, total: 10 });
  expect(await store.take("site", pkg(2), NOW)).toBe(false);
  expect(await store.take("site", pkg(2), NOW + 2 * MINUTES)).toBe(true);
});
