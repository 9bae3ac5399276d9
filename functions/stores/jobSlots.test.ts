import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";
import { openTable } from "./documents.ts";
import { JobSlots } from "./jobSlots.ts";
import type { PackageRef } from "./refs.ts";

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
