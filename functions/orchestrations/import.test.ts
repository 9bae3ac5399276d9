import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobServiceClient } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import type { WorkSpec } from "../../shared/contracts/work.ts";
import { type Machine, startMachine } from "../../test/support/machine.ts";
import { task } from "../../test/support/records.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "../../test/support/services.ts";
import { startStorage, uniquePrefix } from "../../test/support/storage.ts";
import type { PackageRecord } from "../domain/records.ts";
import { openTable } from "../stores/documents.ts";
import { JobSlots } from "../stores/jobSlots.ts";
import { readOutcomes } from "../stores/roundBlobs.ts";

/* Rounds whose import goes other ways than the usual one: lent containers, a queue, jobs that are given up, few slots. */

let around: Surroundings;
let app: TestServices;
let machine: Machine;
let source: string;
let folder: string;
let taskId: string;
let tests = 0;
let beforeWork: (spec: WorkSpec) => Promise<void> | void;
/** Content keys as agents were given them. */
let givenKeys: Set<string>;

beforeAll(async () => {
  around = await startSurroundings({ queues: true });
  app = await buildServices(around);
});
afterAll(async () => {
  await app.close();
  await around.stop();
});
beforeEach(() => {
  source = mkdtempSync(join(tmpdir(), "share-"));
  folder = `import ${++tests}`;
  taskId = `sess0000-mpx${tests}`;
  beforeWork = () => undefined;
  givenKeys = new Set();
  machine = startMachine(app, {
    beforeWork: (spec) => {
      if (spec.kind === "upload") givenKeys.add(spec.contentKey);
      return beforeWork(spec);
    },
  });
});
afterEach(async () => {
  await around.faults({ ...NO_FAULTS });
  await machine.stop();
  rmSync(source, { recursive: true });
});

const NO_FAULTS = {
  ...{ itemErrorRate: 0, fatalErrorRate: 0, duplicateEventRate: 0, reorderEventRate: 0 },
  ...{
    lateEventsMs: 0,
    dropJobEnd: false,
    containerLifetimeSeconds: 3 * 24 * 3600,
    startDelayMs: 0,
  },
};
const THEN = new Date("2024-03-01T12:00:00Z");

async function share(files: number, settings: object = {}): Promise<void> {
  mkdirSync(join(source, "a"));
  for (let n = 0; n < files; n++) {
    const path = join(source, n % 2 ? "a" : "", `${n}.txt`);
    writeFileSync(path, `file ${n}`);
    utimesSync(path, THEN, THEN);
  }
  await app.tasks.insert(
    task({
      ...{ id: taskId, source },
      destination: { siteUrl: around.siteUrl, library: "Documents", folder },
      settings: { packageItems: 4, parallelPackages: 2, ...settings },
    }),
  );
}
const run = (replaced: object = {}) => machine.boot([], replaced).start(taskId);
/** The services of an app that is set up otherwise. */
const setUp = (more: object) => ({ config: { ...app.config, ...more } });

const arrived = () =>
  readdirSync(join(around.library, folder), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile(),
  ).length;
async function packages(): Promise<PackageRecord[]> {
  const rows: PackageRecord[] = [];
  for await (const { value } of app.rounds.listPackages(taskId, 0)) rows.push(value);
  return rows;
}
async function outcomes(): Promise<Outcome[]> {
  const found: Outcome[] = [];
  for await (const { segment } of app.rounds.listPackages(taskId, 0))
    for await (const each of readOutcomes(app.state.outcomes, { taskId, round: 0 }, segment))
      found.push(each);
  return found;
}
const state = async () => (await app.rounds.find(taskId, 0))?.state;

describe("containers that SharePoint lends", () => {
  const lent = () => setUp({ CONTAINERS: "sharepoint" });

  it("carry a round; what opens them lies sealed in the tables and is removed at the end", async () => {
    await share(7);
    const rows: PackageRecord[] = [];
    beforeWork = async () => {
      rows.push(...(await packages()).filter(({ containers }) => containers));
    };
    await run(lent());
    expect(await state()).toBe("Completed");
    expect(arrived()).toBe(7);
    expect(rows.length).toBeGreaterThan(0);
    for (const { containers, key } of rows) {
      expect(containers).toMatchObject({ lent: true, sealed: expect.any(String) });
      const text = JSON.stringify({ containers, key });
      expect(text).not.toContain("sig=");
      for (const secret of givenKeys) expect(text).not.toContain(secret);
    }
    expect(givenKeys.size).toBe((await packages()).length);
    for (const { containers, key } of await packages()) {
      expect(key).toBeUndefined();
      expect(containers).toEqual({
        ...{ data: expect.stringMatching(/^spo-/), manifest: expect.any(String), lent: true },
      });
    }
  });

  it("that have ended while an agent was awaited are replaced", async () => {
    await share(3);
    await around.faults({ containerLifetimeSeconds: 1 });
    let first = true;
    const hour = 3_600_000;
    const { keys } = app;
    // As if the first key had been made two hours ago.
    const old = Object.assign(Object.create(keys), {
      wrap: async (key: Buffer, now: number) => {
        const back = first ? 2 * hour : 0;
        if (!first) await around.faults({ containerLifetimeSeconds: 3600 });
        first = false;
        return keys.wrap(key, now - back);
      },
    });
    const process = machine.boot([], { ...lent(), keys: old });
    const send = process.app.queues.send.bind(process.app.queues);
    process.app.queues.send = async (...args) => {
      await new Promise((done) => setTimeout(done, 1_500));
      return send(...args);
    };
    await process.start(taskId);
    expect(await state()).toBe("Completed");
    expect(arrived()).toBe(3);
    for (const { attempt } of await packages()) expect(attempt).toBeGreaterThan(1);
  });

  it("that are refused at once are no endless loop", async () => {
    await share(3);
    await around.faults({ containerLifetimeSeconds: 0 });
    await run(lent());
    expect(await state()).toBe("CompletedWithErrors");
    const failed = (await outcomes()).filter(({ result }) => result === "failed");
    expect(failed.map(({ issue }) => issue?.code)).toContain("UPLOAD_FAILED");
  });
});

describe("news from the queue", () => {
  it.each([
    ["as they come", {}],
    [
      "twice, late and in another order",
      { duplicateEventRate: 0.5, reorderEventRate: 0.5, lateEventsMs: 50 },
    ],
    ["without the end", { dropJobEnd: true }],
  ])("end a job %s", async (_how, faults) => {
    await share(7);
    await around.faults(faults);
    const progress = () => Promise.reject(new Error("the progress is not asked for"));
    const noProgress = Object.assign(Object.create(app.destination), { progress });
    await run({ ...setUp({ JOB_NEWS: "queue" }), destination: noProgress });
    expect(await state()).toBe("Completed");
    expect(arrived()).toBe(7);
    for (const { containers } of await packages())
      expect(containers).toMatchObject({ queue: true });
  });

  it("name the items that failed", async () => {
    await share(9);
    await around.faults({ itemErrorRate: 0.4, duplicateEventRate: 0.3 });
    await run(setUp({ JOB_NEWS: "queue", CONTAINERS: "sharepoint" }));
    expect(await state()).toBe("CompletedWithErrors");
    const failed = (await outcomes()).filter(({ result }) => result === "failed");
    expect(failed.length).toBe(9 - arrived());
    for (const { issue } of failed) expect(issue).toMatchObject({ code: "IMPORT_ITEM_FAILED" });
  });
});

describe("a job that SharePoint gives up", () => {
  it("for its errors is made anew once, without the items that caused them", async () => {
    await share(130, { packageItems: 250 });
    await around.faults({ itemErrorRate: 0.9 });
    let uploads = 0;
    const second: string[] = [];
    beforeWork = async (spec) => {
      if (spec.kind !== "upload") return;
      if (++uploads === 2) {
        second.push(...spec.files.map(({ path }) => path));
        await around.faults({ itemErrorRate: 0 });
      }
    };
    await run();
    const all = await outcomes();
    const failed = all.filter(({ result }) => result === "failed");
    expect(uploads).toBe(2);
    expect(failed.length).toBeGreaterThanOrEqual(100);
    expect(failed.length + arrived()).toBe(130);
    for (const { issue, path } of failed) {
      expect(issue?.code).toBe("IMPORT_ITEM_FAILED");
      expect(second).not.toContain(path);
    }
    expect(await state()).toBe("CompletedWithErrors");
  });

  it("for a reason that passes brings everything the second time", async () => {
    await share(8);
    await around.faults({ fatalErrorRate: 1 });
    let uploads = 0;
    beforeWork = async (spec) => {
      if (spec.kind === "upload" && ++uploads === 4) await around.faults({ fatalErrorRate: 0 });
    };
    await run();
    expect(arrived()).toBe(8);
  });

  it("twice is given up", async () => {
    await share(3);
    await around.faults({ fatalErrorRate: 1 });
    await run();
    expect(await state()).toBe("CompletedWithErrors");
    expect((await packages())[0]).toMatchObject({ attempt: 2, state: "recorded" });
  });
});

describe("jobs at a site", () => {
  it("are no more than may be, over all packages; the others wait sealed", async () => {
    await share(12, { parallelPackages: 3 });
    await around.faults({ startDelayMs: 50 });
    const table = await openTable(around.storage.connection, `${uniquePrefix()}Slots`);
    const slots = new JobSlots(table, { perSite: 1, total: 100 });
    let most = 0;
    const jobs = new Set<string>();
    const watched = Object.assign(Object.create(app.destination), {
      submit: async (...of: Parameters<typeof app.destination.submit>) => {
        const job = await app.destination.submit(...of);
        for (const other of jobs)
          if (await app.destination.isOver(of[0], other)) jobs.delete(other);
        jobs.add(job);
        most = Math.max(most, jobs.size);
        return job;
      },
    });
    await run({ slots, destination: watched });
    expect(await state()).toBe("Completed");
    expect(arrived()).toBe(12);
    expect(most).toBe(1);
    const { siteId } = (await app.rounds.find(taskId, 0))?.target ?? { siteId: "" };
    expect(await slots.count(siteId, Date.now())).toBe(0);
  });
});

describe("a throttled submission", () => {
  it("was not accepted: the same package is submitted again", async () => {
    await share(3);
    let refused = 0;
    const busy = Object.assign(Object.create(app.destination), {
      submit: async (...of: Parameters<typeof app.destination.submit>) => {
        if (refused++ < 2)
          throw new LongshoreError("THROTTLED", `wait until ${new Date().toISOString()}`);
        return app.destination.submit(...of);
      },
    });
    await run({ destination: busy });
    expect(await state()).toBe("Completed");
    expect(refused).toBe(3);
    expect((await packages())[0]?.attempt).toBe(1);
  });
});

describe("the destination", () => {
  it("is asked about every item if that is wanted", async () => {
    await share(3, { verifyEveryItem: true });
    let asked = 0;
    const watched = Object.assign(Object.create(app.destination), {
      findFile: async (...of: Parameters<typeof app.destination.findFile>) => {
        asked++;
        return app.destination.findFile(...of);
      },
    });
    await run({ destination: watched });
    expect(await state()).toBe("Completed");
    expect(asked).toBeGreaterThanOrEqual(3);
  });
});

describe("the log that SharePoint writes", () => {
  it("names the items whose errors nobody told of", async () => {
    await share(9);
    await around.faults({ itemErrorRate: 0.4 });
    const silent = Object.assign(Object.create(app.destination), {
      events: async (...of: Parameters<typeof app.destination.events>) =>
        (await app.destination.events(...of)).filter(({ event }) => event !== "JobError"),
    });
    await run({ destination: silent });
    const failed = (await outcomes()).filter(({ result }) => result === "failed");
    expect(failed.length).toBe(9 - arrived());
    expect(failed.length).toBeGreaterThan(0);
    for (const { issue } of failed) {
      expect(issue?.code).toBe("IMPORT_ITEM_FAILED");
      expect(issue?.message).toMatch(/^SharePoint's log: ./);
    }
  });
});

describe("storage near the destination", () => {
  it("holds the packages for it, and is found again", async () => {
    await share(5);
    const near = await startStorage();
    const account = BlobServiceClient.fromConnectionString(near.connection);
    const kept: unknown[] = [];
    beforeWork = async () => {
      for (const { containers } of await packages()) kept.push(containers?.storage);
    };
    await run({ regionalBlobs: new Map([["127.0.0.1", account]]) });
    expect(await state()).toBe("Completed");
    expect(arrived()).toBe(5);
    expect(kept).toContain("127.0.0.1");
    for (const { containers } of await packages())
      expect(await account.getContainerClient(containers?.data ?? "").exists()).toBe(true);
    await near.stop();
  });
});

describe("the audit trail", () => {
  it("has every agent that was given a key", async () => {
    await share(5);
    await run();
    const { entries } = await app.audit.page({ limit: 100, task: taskId });
    const taken = entries.filter(({ action }) => action === "takeKey");
    expect(taken).toHaveLength((await packages()).length);
    expect(taken[0]).toMatchObject({ actor: "agent", role: "agent", ids: { task: taskId } });
  });
});
