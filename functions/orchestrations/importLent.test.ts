import { describe, expect, it } from "@jest/globals";
import { numberedFiles } from "../../test/support/fileTree.ts";
import { but } from "../../test/support/replaced.ts";
import { wholeRounds } from "../../test/support/wholeRounds.ts";
import type { PackageRecord } from "../domain/records.ts";
import type { Services } from "../services.ts";

const { around, app, newTask } = wholeRounds({ queues: true });

/** The configuration of an app that is set up otherwise. */
const setUp = (more: Partial<Services["config"]>) => ({ config: { ...app.config, ...more } });

describe("containers that SharePoint lends", () => {
  const lent = () => setUp({ CONTAINERS: "sharepoint" });

  it("carry a round; what opens them lies sealed in the tables and is removed at the end", async () => {
    const task = await newTask({ files: numberedFiles(7) });
    const rows: PackageRecord[] = [];
    const givenKeys = new Set<string>();
    task.onWork(async (spec) => {
      if (spec.kind === "upload") givenKeys.add(spec.contentKey);
      rows.push(...(await task.packages()).filter(({ containers }) => containers));
    });
    await task.boot(lent()).start();
    expect((await task.round()).state).toBe("Completed");
    expect(Object.keys(task.library.files())).toHaveLength(7);
    expect(rows.length).toBeGreaterThan(0);
    for (const { containers, key } of rows) {
      expect(containers).toMatchObject({ lent: true, sealed: expect.any(String) });
      const text = JSON.stringify({ containers, key });
      expect(text).not.toContain("sig=");
      for (const secret of givenKeys) expect(text).not.toContain(secret);
    }
    expect(givenKeys.size).toBe((await task.packages()).length);
    const { entries } = await app.audit.page({ limit: 100, task: task.id });
    const left = entries.filter(({ action }) => action === "leaveLentContainer");
    const named = (await task.packages()).flatMap(({ containers }) => [
      ...[containers?.data, containers?.manifest],
    ]);
    expect(left.map(({ ids }) => ids.container).sort()).toEqual(named.sort());
    for (const { containers, key } of await task.packages()) {
      expect(key).toBeUndefined();
      expect(containers).toEqual({
        ...{ data: expect.stringMatching(/^spo-/), manifest: expect.any(String), lent: true },
      });
    }
  });

  it("that have ended while an agent was awaited are replaced", async () => {
    const task = await newTask({ files: numberedFiles(3) });
    await around.faults({ containerLifetimeSeconds: 1 });
    let first = true;
    const hour = 3_600_000;
    const { keys } = app;
    // As if the first key had been made two hours ago.
    const old = but(keys, {
      wrap: async (key: Buffer, now: number) => {
        const back = first ? 2 * hour : 0;
        if (!first) await around.faults({ containerLifetimeSeconds: 3600 });
        first = false;
        return keys.wrap(key, now - back);
      },
    });
    const process = task.boot({ ...lent(), keys: old });
    const send = process.app.queues.send.bind(process.app.queues);
    process.app.queues.send = async (...args) => {
      await new Promise((done) => setTimeout(done, 1_500));
      return send(...args);
    };
    await process.start();
    expect((await task.round()).state).toBe("Completed");
    expect(Object.keys(task.library.files())).toHaveLength(3);
    for (const { attempt } of await task.packages()) expect(attempt).toBeGreaterThan(1);
  });

  it("that are refused at once are no endless loop", async () => {
    const task = await newTask({ files: numberedFiles(3) });
    await around.faults({ containerLifetimeSeconds: 0 });
    await task.boot(lent()).start();
    expect((await task.round()).state).toBe("CompletedWithErrors");
    const failed = await task.failures();
    expect(failed.length).toBeGreaterThanOrEqual(3);
    for (const { issue } of failed) expect(issue?.code).toBe("CONTAINER_REFUSED");
    for (const { attempt } of await task.packages()) expect(attempt).toBe(2);
  });

  it.each([
    ["once, are replaced", 1, { state: "Completed", files: 0 }],
    ["again and again, are given up", 9, { state: "CompletedWithErrors", files: 3 }],
  ])("that end while they are filled, %s", async (_how, times, { state, files }) => {
    const task = await newTask({ files: numberedFiles(3) });
    let left = times;
    let given = 0;
    // They are good when the agent begins, and over when it writes.
    const brief = but(app.destination, {
      provisionContainers: async (target) => {
        given++;
        await around.faults({ containerLifetimeSeconds: left-- > 0 ? 2 : 3600 });
        return app.destination.provisionContainers(target);
      },
    });
    task.onWork(async (spec) => {
      if (spec.kind !== "upload") return;
      const end = new URL(spec.containerUrl).searchParams.get("se") ?? "";
      const wait = Date.parse(end) - Date.now() + 1_000;
      if (wait < 60_000) await new Promise((done) => setTimeout(done, wait));
    });
    await task.boot({ ...lent(), destination: brief }).start();
    expect((await task.round()).state).toBe(state);
    const failed = await task.failures();
    for (const { issue } of failed) expect(issue?.code).toBe("CONTAINER_REFUSED");
    expect(failed.filter(({ kind }) => kind === "file")).toHaveLength(files);
    expect(given).toBe(2);
  });
});

describe("lent containers whose SAS ends before the job does", () => {
  it.each(["progress", "queue"] as const)(
    "leave the judgement to events, by %s",
    async (news) => {
      const task = await newTask({ files: numberedFiles(9) });
      // When the job starts nobody may read its log any more.
      await around.faults({ startDelayMs: 9_000, itemErrorRate: 0.4 });
      let given = 0;
      const brief = but(app.destination, {
        provisionContainers: async (target) => {
          await around.faults({ containerLifetimeSeconds: given++ < 3 ? 8 : 3600 });
          const containers = await app.destination.provisionContainers(target);
          await around.faults({ containerLifetimeSeconds: 3600 });
          return containers;
        },
      });
      const lent = setUp({ CONTAINERS: "sharepoint", JOB_NEWS: news });
      await task.boot({ ...lent, destination: brief }).start();
      expect((await task.round()).state).toBe("CompletedWithErrors");
      const failed = await task.failures();
      expect(failed.length).toBe(9 - Object.keys(task.library.files()).length);
      for (const { issue } of failed) expect(issue).toMatchObject({ code: "IMPORT_ITEM_FAILED" });
    },
    120_000,
  );
});

describe("lent containers and a queue", () => {
  const mode = () => setUp({ CONTAINERS: "sharepoint", JOB_NEWS: "queue" });

  it.each([8, 16, 22, 28, 34, 40, 46])(
    "survive the death of the control plane at write %i",
    async (write) => {
      const task = await newTask({ files: numberedFiles(6) });
      const when = write % 4 ? "before" : "after";
      const faults = [{ write, when, kill: true } as const];
      expect(await task.boot({ ...mode(), faults }).start()).toBe(false);
      // As the timer does it.
      await task.boot(mode()).revive();
      expect((await task.round()).state).toBe("Completed");
      expect(Object.keys(task.library.files())).toHaveLength(6);
      const imported = await task.imported();
      expect(imported.filter(({ kind }) => kind === "file")).toHaveLength(6);
    },
  );
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
    const task = await newTask({ files: numberedFiles(7) });
    await around.faults(faults);
    const progress = () => Promise.reject(new Error("the progress is not asked for"));
    const noProgress = but(app.destination, { progress });
    await task.boot({ ...setUp({ JOB_NEWS: "queue" }), destination: noProgress }).start();
    expect((await task.round()).state).toBe("Completed");
    expect(Object.keys(task.library.files())).toHaveLength(7);
    for (const { containers } of await task.packages())
      expect(containers).toMatchObject({ queue: true });
  });

  it("name the items that failed", async () => {
    const task = await newTask({ files: numberedFiles(9) });
    await around.faults({ itemErrorRate: 0.4, duplicateEventRate: 0.3 });
    await task.boot(setUp({ JOB_NEWS: "queue", CONTAINERS: "sharepoint" })).start();
    expect((await task.round()).state).toBe("CompletedWithErrors");
    const failed = await task.failures();
    expect(failed.length).toBe(9 - Object.keys(task.library.files()).length);
    for (const { issue } of failed) expect(issue).toMatchObject({ code: "IMPORT_ITEM_FAILED" });
  });
});
