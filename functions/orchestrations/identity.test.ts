import { ContainerClient } from "@azure/storage-blob";
import { expect, it } from "@jest/globals";
import { importTests } from "../../test/support/imports.ts";
import { eraseTask } from "../operations/tasks/eraseTask.ts";
import { applyRetention } from "../operations/upkeep/retention.ts";
import { sasUrl } from "../security/sas.ts";

/** The app has no key of any storage: it opens tables and blobs with tokens, and signs with keys that are delegated to it. */
const t = importTests({ identity: true });
const DAY = 24 * 3_600_000;

it("a round goes through under the app's own identity", async () => {
  expect(JSON.stringify(t.app().config)).not.toContain("AccountKey");
  await t.share(7);
  const given: URLSearchParams[] = [];
  t.onWork(({ containerUrl }) => {
    given.push(new URL(containerUrl).searchParams);
  });
  await t.run();
  expect(await t.state()).toBe("Completed");
  expect(t.arrived()).toBe(7);
  expect(given.length).toBeGreaterThan(1);
  for (const sas of given) {
    expect(sas.get("sp")).toBe("cw");
    expect(sas.get("spr")).toBe("https");
    // A delegated key is named by whom it was delegated to.
    expect(sas.get("skoid")).toMatch(/./);
    const left = Date.parse(sas.get("se") ?? "") - Date.now();
    expect(left).toBeGreaterThan(2.9 * DAY);
    expect(left).toBeLessThanOrEqual(3 * DAY);
    expect(Date.parse(sas.get("ske") ?? "")).toBeGreaterThan(Date.parse(sas.get("se") ?? ""));
  }
});

it("a SAS by a delegated key grants what one by the account's key does", async () => {
  const container = t.app().packageBlobs.getContainerClient("trial");
  await container.create();
  await container.getBlockBlobClient("there").upload("content", 7);
  const rights = async (purpose: Parameters<typeof sasUrl>[1]) => {
    const url = await sasUrl(container, purpose, Date.now());
    const holder = new ContainerClient(url, undefined, { retryOptions: { maxTries: 1 } });
    const tries = {
      read: () => holder.getBlobClient("there").downloadToBuffer(),
      write: () => holder.getBlockBlobClient("there").upload("content", 7),
      list: () => holder.listBlobsFlat().next(),
      delete: () => holder.getBlobClient("there").delete(),
    };
    const granted: string[] = [];
    for (const [name, attempt] of Object.entries(tries)) {
      const isGranted = await attempt().then(
        () => true,
        (error: { statusCode?: number }) => error.statusCode !== 403,
      );
      if (isGranted) granted.push(name);
    }
    return granted;
  };
  expect(await rights("agentWrites")).toEqual(["write"]);
  expect(await rights("sharePointReadsData")).toEqual(["read", "list"]);
  expect(await rights("sharePointReadsManifest")).toEqual(["read", "write", "list"]);
});

it("in lent containers and with news from a queue, too", async () => {
  await t.share(5);
  await t.run(t.setUp({ CONTAINERS: "sharepoint", JOB_NEWS: "queue" }));
  expect(await t.state()).toBe("Completed");
  expect(t.arrived()).toBe(5);
});

it("and so does what comes afterwards: retention, and the removal of a deleted task", async () => {
  await t.share(5);
  await t.run();
  const containers = async (kind: string) => {
    const found: string[] = [];
    for await (const { name } of t.app().packageBlobs.listContainers({ prefix: `${t.taskId()}-` }))
      if (name.endsWith(kind)) found.push(name);
    return found.length;
  };
  const packages = (await t.packages()).length;
  expect([await containers("-d"), await containers("-m")]).toEqual([packages, packages]);
  await applyRetention(t.app(), { dryRun: false, now: Date.now() + 15 * DAY });
  expect([await containers("-d"), await containers("-m")]).toEqual([0, packages]);

  await t.app().tasks.setInactive(t.taskId());
  const tombstone = { id: t.taskId(), rounds: 1, deletedAt: new Date().toISOString() };
  const { tasks } = t.app();
  // Whether the task's own row is gone does not matter here.
  const gone = Object.assign(Object.create(tasks), { find: async () => undefined });
  const app = { ...t.app(), tasks: gone };
  expect(await eraseTask(app, tombstone, Date.now() + 60_000)).toBe(true);
  expect(await containers("-m")).toBe(0);
  expect(await t.packages()).toEqual([]);
});
