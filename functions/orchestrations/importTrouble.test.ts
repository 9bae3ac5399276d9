import { randomUUID } from "node:crypto";
import { BlobServiceClient } from "@azure/storage-blob";
import { describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { importTests } from "../../test/support/imports.ts";
import { startStorage, uniquePrefix } from "../../test/support/storage.ts";
import type { Services } from "../services.ts";
import { openTable } from "../stores/documents.ts";
import { JobSlots } from "../stores/jobSlots.ts";

const t = importTests();

describe("a job that SharePoint gives up", () => {
  it("for its errors is made anew once, without the items that caused them", async () => {
    await t.share(130, { packageItems: 250 });
    await t.around().faults({ itemErrorRate: 0.9 });
    let uploads = 0;
    const second: string[] = [];
    t.onWork(async (spec) => {
      if (spec.kind !== "upload") return;
      if (++uploads === 2) {
        second.push(...spec.files.map(({ path }) => path));
        await t.around().faults({ itemErrorRate: 0 });
      }
    });
    await t.run();
    const all = await t.outcomes();
    const failed = all.filter(({ result }) => result === "failed");
    expect(uploads).toBe(2);
    expect(failed.length).toBeGreaterThanOrEqual(100);
    expect(failed.length + t.arrived()).toBe(130);
    for (const { issue, path } of failed) {
      expect(issue?.code).toBe("IMPORT_ITEM_FAILED");
      expect(second).not.toContain(path);
    }
    expect(await t.state()).toBe("CompletedWithErrors");
  });

  it("for a reason that passes brings everything the second time", async () => {
    await t.share(8);
    await t.around().faults({ fatalErrorRate: 1 });
    let uploads = 0;
    t.onWork(async (spec) => {
      if (spec.kind === "upload" && ++uploads === 4) await t.around().faults({ fatalErrorRate: 0 });
    });
    await t.run();
    expect(t.arrived()).toBe(8);
  });

  it("twice is given up", async () => {
    await t.share(3);
    await t.around().faults({ fatalErrorRate: 1 });
    await t.run();
    expect(await t.state()).toBe("CompletedWithErrors");
    expect((await t.packages())[0]).toMatchObject({ attempt: 2, state: "recorded" });
  });
});

describe("jobs at a site", () => {
  it("are no more than may be, over all packages; the others wait sealed", async () => {
    await t.share(12, { parallelPackages: 3 });
    await t.around().faults({ startDelayMs: 50 });
    const table = await openTable(t.around().storage.connection, `${uniquePrefix()}Slots`);
    const slots = new JobSlots(table, { perSite: 1, total: 100 });
    let most = 0;
    const jobs = new Set<string>();
    const watched = t.destinationWith({
      submit: async (...of: Parameters<Services["destination"]["submit"]>) => {
        const job = await t.app().destination.submit(...of);
        for (const other of jobs)
          if (await t.app().destination.isOver(of[0], other)) jobs.delete(other);
        jobs.add(job);
        most = Math.max(most, jobs.size);
        return job;
      },
    });
    await t.run({ slots, destination: watched });
    expect(await t.state()).toBe("Completed");
    expect(t.arrived()).toBe(12);
    expect(most).toBe(1);
    const { siteId } = (await t.app().rounds.find(t.taskId(), 0))?.target ?? { siteId: "" };
    expect(await slots.count(siteId, Date.now())).toBe(0);
  });
});

describe("a slot whose holder is gone", () => {
  it("is free as soon as SharePoint says that its job is over, not after the lease", async () => {
    await t.share(3);
    const table = await openTable(t.around().storage.connection, `${uniquePrefix()}Slots`);
    const slots = new JobSlots(table, { perSite: 1, total: 100 });
    const { siteId } = await t.app().destination.resolve({
      ...{ siteUrl: t.around().siteUrl, library: "Documents", folder: "" },
    });
    const dead = { taskId: "sess0000-deadtask", round: 0, run: "run000", segment: 0 };
    const then = Date.now() - 5 * 60_000;
    await slots.take(siteId, dead, then);
    await slots.keep(siteId, dead, then, randomUUID());
    expect(await slots.count(siteId, Date.now())).toBe(1);
    await t.run({ slots });
    expect(await t.state()).toBe("Completed");
    expect(await slots.count(siteId, Date.now())).toBe(0);
  });
});

describe("a throttled submission", () => {
  it("was not accepted: the same package is submitted again", async () => {
    await t.share(3);
    let refused = 0;
    const busy = t.destinationWith({
      submit: async (...of: Parameters<Services["destination"]["submit"]>) => {
        if (refused++ < 2)
          throw new LongshoreError("THROTTLED", `wait until ${new Date().toISOString()}`);
        return t.app().destination.submit(...of);
      },
    });
    await t.run({ destination: busy });
    expect(await t.state()).toBe("Completed");
    expect(refused).toBe(3);
    expect((await t.packages())[0]?.attempt).toBe(1);
  });
});

describe("the destination", () => {
  it("is asked about every item if that is wanted", async () => {
    await t.share(3, { verifyEveryItem: true });
    let asked = 0;
    const watched = t.destinationWith({
      findFile: async (...of: Parameters<Services["destination"]["findFile"]>) => {
        asked++;
        return t.app().destination.findFile(...of);
      },
    });
    await t.run({ destination: watched });
    expect(await t.state()).toBe("Completed");
    expect(asked).toBeGreaterThanOrEqual(3);
  });
});

describe("the log that SharePoint writes", () => {
  it("names the items whose errors nobody told of", async () => {
    await t.share(9);
    await t.around().faults({ itemErrorRate: 0.4 });
    const silent = t.destinationWith({
      events: async (...of: Parameters<Services["destination"]["events"]>) =>
        (await t.app().destination.events(...of)).filter(({ event }) => event !== "JobError"),
    });
    await t.run({ destination: silent });
    const failed = (await t.outcomes()).filter(({ result }) => result === "failed");
    expect(failed.length).toBe(9 - t.arrived());
    expect(failed.length).toBeGreaterThan(0);
    for (const { issue } of failed) {
      expect(issue?.code).toBe("IMPORT_ITEM_FAILED");
      expect(issue?.message).toMatch(/^SharePoint's log: ./);
    }
  });
});

describe("storage near the destination", () => {
  it("holds the packages for it, and is found again", async () => {
    await t.share(5);
    const near = await startStorage();
    const account = BlobServiceClient.fromConnectionString(near.connection);
    const kept: unknown[] = [];
    t.onWork(async () => {
      for (const { containers } of await t.packages()) kept.push(containers?.storage);
    });
    await t.run({ regionalBlobs: new Map([["127.0.0.1", account]]) });
    expect(await t.state()).toBe("Completed");
    expect(t.arrived()).toBe(5);
    expect(kept).toContain("127.0.0.1");
    for (const { containers } of await t.packages())
      expect(await account.getContainerClient(containers?.data ?? "").exists()).toBe(true);
    await near.stop();
  });
});

describe("a package that is older than its SAS and its key", () => {
  const FOUR_DAYS_MS = 4 * 24 * 3_600_000;

  it("when an agent comes for it is packaged anew, as often as it takes", async () => {
    await t.share(3);
    const { keys } = t.app();
    let made = 0;
    const old = Object.assign(Object.create(keys), {
      create: (now: number) => keys.create(++made > 3 ? now : now - FOUR_DAYS_MS),
    });
    await t.run({ keys: old });
    expect(await t.state()).toBe("Completed");
    expect(t.arrived()).toBe(3);
    expect((await t.packages()).map(({ attempt }) => attempt)).toEqual([4]);
  });

  it("when it is its turn to be submitted is packaged anew, too", async () => {
    await t.share(3);
    const { keys, rounds } = t.app();
    const ages = Object.assign(Object.create(keys), {
      unwrap: async (...[stored, now, ref]: Parameters<Services["keys"]["unwrap"]>) => {
        const { state, attempt } = await rounds.package(ref);
        return keys.unwrap(
          stored,
          state === "sealed" && attempt === 1 ? now + FOUR_DAYS_MS : now,
          ref,
        );
      },
    });
    await t.run({ keys: ages });
    expect(await t.state()).toBe("Completed");
    expect(t.arrived()).toBe(3);
    expect((await t.packages()).map(({ attempt }) => attempt)).toEqual([2]);
  });
});

describe("the audit trail", () => {
  it("has every agent that was given a key", async () => {
    await t.share(5);
    await t.run();
    const { entries } = await t.app().audit.page({ limit: 100, task: t.taskId() });
    const taken = entries.filter(({ action }) => action === "takeKey");
    expect(taken).toHaveLength((await t.packages()).length);
    expect(taken[0]).toMatchObject({ actor: "agent", role: "agent", ids: { task: t.taskId() } });
  });
});
