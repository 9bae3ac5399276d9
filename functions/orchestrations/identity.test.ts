import { ContainerClient } from "@azure/storage-blob";
import { expect, it } from "@jest/globals";
import { numberedFiles } from "../../test/support/fileTree.ts";
import { but } from "../../test/support/replaced.ts";
import { wholeRounds } from "../../test/support/wholeRounds.ts";
import { eraseTask } from "../operations/tasks/eraseTask.ts";
import { applyRetention } from "../operations/upkeep/retention.ts";
import { sasUrl } from "../security/sas.ts";

/** The app has no key of any storage: it opens tables and blobs with tokens, and signs with keys that are delegated to it. */
const { app, newTask } = wholeRounds({ queues: true, identity: true });
const DAY = 24 * 3_600_000;

it("a round goes through under the app's own identity", async () => {
  expect(JSON.stringify(app.config)).not.toContain("AccountKey");
  const task = await newTask({ files: numberedFiles(7) });
  const given: URLSearchParams[] = [];
  task.onWork(({ containerUrl }) => {
    given.push(new URL(containerUrl).searchParams);
  });
  await task.run();
  expect((await task.round()).state).toBe("Completed");
  expect(Object.keys(task.library.files())).toHaveLength(7);
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
  const container = app.packageBlobs.getContainerClient("trial");
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
  const task = await newTask({ files: numberedFiles(5) });
  const config = { ...app.config, CONTAINERS: "sharepoint", JOB_NEWS: "queue" } as const;
  await task.boot({ config }).start();
  expect((await task.round()).state).toBe("Completed");
  expect(Object.keys(task.library.files())).toHaveLength(5);
});

it("and so does what comes afterwards: retention, and the removal of a deleted task", async () => {
  const task = await newTask({ files: numberedFiles(5) });
  await task.run();
  const containers = async (kind: string) => {
    const found: string[] = [];
    for await (const { name } of app.packageBlobs.listContainers({ prefix: `${task.id}-` }))
      if (name.endsWith(kind)) found.push(name);
    return found.length;
  };
  const packages = (await task.packages()).length;
  expect([await containers("-d"), await containers("-m")]).toEqual([packages, packages]);
  await applyRetention(app, { dryRun: false, now: Date.now() + 15 * DAY });
  expect([await containers("-d"), await containers("-m")]).toEqual([0, packages]);

  await app.tasks.setInactive(task.id);
  const tombstone = { id: task.id, rounds: 1, deletedAt: new Date().toISOString() };
  const { tasks } = app;
  // Whether the task's own row is gone does not matter here.
  const gone = but(tasks, { find: async () => undefined });
  expect(await eraseTask({ ...app, tasks: gone }, tombstone, Date.now() + 60_000)).toBe(true);
  expect(await containers("-m")).toBe(0);
  expect(await task.packages()).toEqual([]);
});
