import { randomUUID } from "node:crypto";
import { BlobServiceClient } from "@azure/storage-blob";
import { describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { numberedFiles } from "../../test/support/fileTree.ts";
import { but } from "../../test/support/replaced.ts";
import { startStorage, uniquePrefix } from "../../test/support/storage.ts";
import { wholeRounds } from "../../test/support/wholeRounds.ts";
import { JobSlots } from "../stores/jobSlots.ts";
import { openTable } from "../stores/storage/documents.ts";

const { around, app, newTask } = wholeRounds({ queues: true });

describe("a job that SharePoint gives up", () => {
  it("for its errors is made anew once, without the items that caused them", async () => {
    const task = await newTask({ files: numberedFiles(130), settings: { packageItems: 250 } });
    await around.faults({ itemErrorRate: 0.9 });
    let uploads = 0;
    const second: string[] = [];
    task.onWork(async (spec) => {
      if (spec.kind !== "upload") return;
      if (++uploads === 2) {
        second.push(...spec.files.map(({ path }) => path));
        await around.faults({ itemErrorRate: 0 });
      }
    });
    await task.run();
    const failed = await task.failures();
    expect(uploads).toBe(2);
    expect(failed.length).toBeGreaterThanOrEqual(100);
    expect(failed.length + Object.keys(task.library.files()).length).toBe(130);
    for (const { issue, path } of failed) {
      expect(issue?.code).toBe("IMPORT_ITEM_FAILED");
      expect(second).not.toContain(path);
    }
    expect((await task.round()).state).toBe("CompletedWithErrors");
  });

  it("for a reason that passes brings everything the second time", async () => {
    const task = await newTask({ files: numberedFiles(8) });
    await around.faults({ fatalErrorRate: 1 });
    let uploads = 0;
    task.onWork(async (spec) => {
      if (spec.kind === "upload" && ++uploads === 4) await around.faults({ fatalErrorRate: 0 });
    });
    await task.run();
    expect(Object.keys(task.library.files())).toHaveLength(8);
  });

  it("twice is given up", async () => {
    const task = await newTask({ files: numberedFiles(3) });
    await around.faults({ fatalErrorRate: 1 });
    await task.run();
    expect((await task.round()).state).toBe("CompletedWithErrors");
    expect((await task.packages())[0]).toMatchObject({ attempt: 2, state: "recorded" });
  });
});

describe("jobs at a site", () => {
  it("are no more than may be, over all packages; the others wait sealed", async () => {
    const task = await newTask({ files: numberedFiles(12), settings: { parallelPackages: 3 } });
    await around.faults({ startDelayMs: 50 });
    const table = await openTable(around.storage.connection, `${uniquePrefix()}Slots`);
    const slots = new JobSlots(table, { perSite: 1, total: 100 });
    let most = 0;
    const jobs = new Set<string>();
    const watched = but(app.destination, {
      submit: async (...of) => {
        const job = await app.destination.submit(...of);
        for (const other of jobs)
          if (await app.destination.isOver(of[0], other)) jobs.delete(other);
        jobs.add(job);
        most = Math.max(most, jobs.size);
        return job;
      },
    });
    await task.boot({ slots, destination: watched }).start();
    expect((await task.round()).state).toBe("Completed");
    expect(Object.keys(task.library.files())).toHaveLength(12);
    expect(most).toBe(1);
    const { siteId } = (await app.rounds.find(task.id, 0))?.target ?? { siteId: "" };
    expect(await slots.count(siteId, Date.now())).toBe(0);
  });
});

describe("a slot whose holder is gone", () => {
  it("is free as soon as SharePoint says that its job is over, not after the lease", async () => {
    const task = await newTask({ files: numberedFiles(3) });
    const table = await openTable(around.storage.connection, `${uniquePrefix()}Slots`);
    const slots = new JobSlots(table, { perSite: 1, total: 100 });
    const { siteId } = await app.destination.resolve({
      ...{ siteUrl: around.siteUrl, library: "Documents", folder: "" },
    });
    const dead = { taskId: "sess0000-deadtask", round: 0, run: "run000", segment: 0 };
    const then = Date.now() - 5 * 60_000;
    await slots.take(siteId, dead, then);
    await slots.keep(siteId, dead, then, randomUUID());
    expect(await slots.count(siteId, Date.now())).toBe(1);
    await task.boot({ slots }).start();
    expect((await task.round()).state).toBe("Completed");
    expect(await slots.count(siteId, Date.now())).toBe(0);
  });
});

describe("a throttled submission", () => {
  it("was not accepted: the same package is submitted again", async () => {
    const task = await newTask({ files: numberedFiles(3) });
    let refused = 0;
    const busy = but(app.destination, {
      submit: async (...of) => {
        if (refused++ < 2)
          throw new LongshoreError("THROTTLED", `wait until ${new Date().toISOString()}`);
        return app.destination.submit(...of);
      },
    });
    await task.boot({ destination: busy }).start();
    expect((await task.round()).state).toBe("Completed");
    expect(refused).toBe(3);
    expect((await task.packages())[0]?.attempt).toBe(1);
  });
});

describe("the destination", () => {
  it("is asked about every item if that is wanted", async () => {
    const task = await newTask({ files: numberedFiles(3), settings: { verifyEveryItem: true } });
    let asked = 0;
    const watched = but(app.destination, {
      findFile: async (...of) => {
        asked++;
        return app.destination.findFile(...of);
      },
    });
    await task.boot({ destination: watched }).start();
    expect((await task.round()).state).toBe("Completed");
    expect(asked).toBeGreaterThanOrEqual(3);
  });
});

describe("the log that SharePoint writes", () => {
  it("names the items whose errors nobody told of", async () => {
    const task = await newTask({ files: numberedFiles(9) });
    await around.faults({ itemErrorRate: 0.4 });
    const silent = but(app.destination, {
      events: async (...of) =>
        (await app.destination.events(...of)).filter(({ event }) => event !== "JobError"),
    });
    await task.boot({ destination: silent }).start();
    const failed = await task.failures();
    expect(failed.length).toBe(9 - Object.keys(task.library.files()).length);
    expect(failed.length).toBeGreaterThan(0);
    for (const { issue } of failed) {
      expect(issue?.code).toBe("IMPORT_ITEM_FAILED");
      expect(issue?.message).toMatch(/^SharePoint's log: ./);
    }
  });
});

describe("storage near the destination", () => {
  it("holds the packages for it, and is found again", async () => {
    const task = await newTask({ files: numberedFiles(5) });
    const near = await startStorage();
    const account = BlobServiceClient.fromConnectionString(near.connection);
    const kept: unknown[] = [];
    task.onWork(async () => {
      for (const { containers } of await task.packages()) kept.push(containers?.storage);
    });
    await task.boot({ regionalBlobs: new Map([["127.0.0.1", account]]) }).start();
    expect((await task.round()).state).toBe("Completed");
    expect(Object.keys(task.library.files())).toHaveLength(5);
    expect(kept).toContain("127.0.0.1");
    for (const { containers } of await task.packages())
      expect(await account.getContainerClient(containers?.data ?? "").exists()).toBe(true);
    await near.stop();
  });
});

describe("a package that is older than its SAS and its key", () => {
  const FOUR_DAYS_MS = 4 * 24 * 3_600_000;

  it("when an agent comes for it is packaged anew, as often as it takes", async () => {
    const task = await newTask({ files: numberedFiles(3) });
    const { keys } = app;
    let made = 0;
    const old = but(keys, {
      create: (now: number) => keys.create(++made > 3 ? now : now - FOUR_DAYS_MS),
    });
    await task.boot({ keys: old }).start();
    expect((await task.round()).state).toBe("Completed");
    expect(Object.keys(task.library.files())).toHaveLength(3);
    expect((await task.packages()).map(({ attempt }) => attempt)).toEqual([4]);
  });

  it("when it is its turn to be submitted is packaged anew, too", async () => {
    const task = await newTask({ files: numberedFiles(3) });
    const { keys, rounds } = app;
    const ages = but(keys, {
      unwrap: async (stored, now, ref) => {
        const { state, attempt } = await rounds.package(ref);
        return keys.unwrap(
          stored,
          state === "sealed" && attempt === 1 ? now + FOUR_DAYS_MS : now,
          ref,
        );
      },
    });
    await task.boot({ keys: ages }).start();
    expect((await task.round()).state).toBe("Completed");
    expect(Object.keys(task.library.files())).toHaveLength(3);
    expect((await task.packages()).map(({ attempt }) => attempt)).toEqual([2]);
  });
});

describe("the audit trail", () => {
  it("has every agent that was given a key", async () => {
    const task = await newTask({ files: numberedFiles(5) });
    await task.run();
    const { entries } = await app.audit.page({ limit: 100, task: task.id });
    const taken = entries.filter(({ action }) => action === "takeKey");
    expect(taken).toHaveLength((await task.packages()).length);
    expect(taken[0]).toMatchObject({ actor: "agent", role: "agent", ids: { task: task.id } });
  });
});
