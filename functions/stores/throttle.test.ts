import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";
import { openTable } from "./storage/documents.ts";
import { ThrottleStore, tenantOf } from "./throttle.ts";

let storage: TestStorage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

/** Processes of one app: each has its own store over the same table. */
async function processes(count: number): Promise<ThrottleStore[]> {
  const table = await openTable(storage.connection, `${uniquePrefix()}Budget`);
  return Array.from({ length: count }, () => new ThrottleStore(table));
}
const NOW = Date.UTC(2026, 0, 1);
const SOON = 2_000;

it("asks for nothing as long as SharePoint says nothing", async () => {
  const [one] = (await processes(1)) as [ThrottleStore];
  for (let n = 0; n < 100; n++) expect(await one.take("contoso", NOW)).toBe(0);
  expect(await one.until("contoso", NOW)).toBeUndefined();
});

it("stops every process of the app when one is told to wait", async () => {
  const [one, two] = (await processes(2)) as [ThrottleStore, ThrottleStore];
  const until = NOW + 30_000;
  expect(await one.note("contoso", { retryAfter: 30_000 }, NOW)).toBe(until);
  expect(await two.take("contoso", NOW + SOON)).toBe(until);
  expect(await two.until("contoso", NOW + SOON)).toBe(until);
  expect(await two.take("fabrikam", NOW + SOON)).toBe(0);
  expect(await two.take("contoso", until + 1)).toBe(0);
  expect(await two.until("contoso", until + 1)).toBeUndefined();
});

it("never waits for less because a later answer asks for less", async () => {
  const [one, two] = (await processes(2)) as [ThrottleStore, ThrottleStore];
  await one.note("contoso", { retryAfter: 60_000 }, NOW);
  await two.note("contoso", { retryAfter: 5_000 }, NOW);
  expect(await two.until("contoso", NOW + SOON)).toBe(NOW + 60_000);
});

it("shares out what is left: all processes together send no more", async () => {
  const crowd = await processes(4);
  const reset = NOW + 40_000;
  await crowd[0]?.note("contoso", { remaining: 57, reset: 40_000 }, NOW);
  let sent = 0;
  const sendUntilTold = async (each: ThrottleStore) => {
    while ((await each.take("contoso", NOW + SOON)) === 0) sent++;
  };
  await Promise.all(crowd.map(sendUntilTold));
  expect(sent).toBe(57);
  expect(await crowd[3]?.take("contoso", NOW + SOON)).toBe(reset);
  expect(await crowd[3]?.take("contoso", reset + 1)).toBe(0);
});

it("believes the lower number, and a new window starts over", async () => {
  const [one] = (await processes(1)) as [ThrottleStore];
  await one.note("contoso", { remaining: 100, reset: 10_000 }, NOW);
  await one.note("contoso", { remaining: 3, reset: 9_000 }, NOW + 1_000);
  let sent = 0;
  while ((await one.take("contoso", NOW + 1_001)) === 0) sent++;
  expect(sent).toBe(3);
  await one.note("contoso", { remaining: 50, reset: 60_000 }, NOW + 20_000);
  expect(await one.take("contoso", NOW + 20_001)).toBe(0);
});

it.each([
  ["https://contoso.sharepoint.com/sites/a", "contoso.sharepoint.com"],
  ["https://contoso-my.sharepoint.com/personal/ada", "contoso.sharepoint.com"],
  ["https://contoso-admin.sharepoint.us/", "contoso.sharepoint.us"],
  ["http://127.0.0.1:4711/sites/a", "127.0.0.1:4711"],
])("knows the tenant of %s", (url, tenant) => {
  expect(tenantOf(url)).toBe(tenant);
});
