import { describe, expect, it } from "@jest/globals";
import { importTests } from "../../test/support/imports.ts";
import type { PackageRecord } from "../domain/records.ts";

const t = importTests();

describe("containers that SharePoint lends", () => {
  const lent = () => t.setUp({ CONTAINERS: "sharepoint" });

  it("carry a round; what opens them lies sealed in the tables and is removed at the end", async () => {
    await t.share(7);
    const rows: PackageRecord[] = [];
    t.onWork(async () => {
      rows.push(...(await t.packages()).filter(({ containers }) => containers));
    });
    await t.run(lent());
    expect(await t.state()).toBe("Completed");
    expect(t.arrived()).toBe(7);
    expect(rows.length).toBeGreaterThan(0);
    for (const { containers, key } of rows) {
      expect(containers).toMatchObject({ lent: true, sealed: expect.any(String) });
      const text = JSON.stringify({ containers, key });
      expect(text).not.toContain("sig=");
      for (const secret of t.givenKeys()) expect(text).not.toContain(secret);
    }
    expect(t.givenKeys().size).toBe((await t.packages()).length);
    const { entries } = await t.app().audit.page({ limit: 100, task: t.taskId() });
    const left = entries.filter(({ action }) => action === "leaveLentContainer");
    const named = (await t.packages()).flatMap(({ containers }) => [
      ...[containers?.data, containers?.manifest],
    ]);
    expect(left.map(({ ids }) => ids.container).sort()).toEqual(named.sort());
    for (const { containers, key } of await t.packages()) {
      expect(key).toBeUndefined();
      expect(containers).toEqual({
        ...{ data: expect.stringMatching(/^spo-/), manifest: expect.any(String), lent: true },
      });
    }
  });

  it("that have ended while an agent was awaited are replaced", async () => {
    await t.share(3);
    await t.around().faults({ containerLifetimeSeconds: 1 });
    let first = true;
    const hour = 3_600_000;
    const { keys } = t.app();
    // As if the first key had been made two hours ago.
    const old = Object.assign(Object.create(keys), {
      wrap: async (key: Buffer, now: number) => {
        const back = first ? 2 * hour : 0;
        if (!first) await t.around().faults({ containerLifetimeSeconds: 3600 });
        first = false;
        return keys.wrap(key, now - back);
      },
    });
    const process = t.machine().boot([], { ...lent(), keys: old });
    const send = process.app.queues.send.bind(process.app.queues);
    process.app.queues.send = async (...args) => {
      await new Promise((done) => setTimeout(done, 1_500));
      return send(...args);
    };
    await process.start(t.taskId());
    expect(await t.state()).toBe("Completed");
    expect(t.arrived()).toBe(3);
    for (const { attempt } of await t.packages()) expect(attempt).toBeGreaterThan(1);
  });

  it("that are refused at once are no endless loop", async () => {
    await t.share(3);
    await t.around().faults({ containerLifetimeSeconds: 0 });
    await t.run(lent());
    expect(await t.state()).toBe("CompletedWithErrors");
    const failed = (await t.outcomes()).filter(({ result }) => result === "failed");
    expect(failed.length).toBeGreaterThanOrEqual(3);
    for (const { issue } of failed) expect(issue?.code).toBe("CONTAINER_REFUSED");
    for (const { attempt } of await t.packages()) expect(attempt).toBe(2);
  });

  it.each([
    ["once, are replaced", 1, { state: "Completed", files: 0 }],
    ["again and again, are given up", 9, { state: "CompletedWithErrors", files: 3 }],
  ])("that end while they are filled, %s", async (_how, times, { state, files }) => {
    await t.share(3);
    let left = times;
    let given = 0;
    // They are good when the agent begins, and over when it writes.
    const brief = t.destinationWith({
      provisionContainers: async (target) => {
        given++;
        await t.around().faults({ containerLifetimeSeconds: left-- > 0 ? 2 : 3600 });
        return t.app().destination.provisionContainers(target);
      },
    });
    t.onWork(async (spec) => {
      if (spec.kind !== "upload") return;
      const end = new URL(spec.containerUrl).searchParams.get("se") ?? "";
      const wait = Date.parse(end) - Date.now() + 1_000;
      if (wait < 60_000) await new Promise((done) => setTimeout(done, wait));
    });
    await t.run({ ...lent(), destination: brief });
    expect(await t.state()).toBe(state);
    const failed = (await t.outcomes()).filter(({ result }) => result === "failed");
    for (const { issue } of failed) expect(issue?.code).toBe("CONTAINER_REFUSED");
    expect(failed.filter(({ kind }) => kind === "file")).toHaveLength(files);
    expect(given).toBe(2);
  });
});

describe("lent containers whose SAS ends before the job does", () => {
  it.each(["progress", "queue"] as const)(
    "leave the judgement to events, by %s",
    async (news) => {
      await t.share(9);
      // When the job starts nobody may read its log any more.
      await t.around().faults({ startDelayMs: 9_000, itemErrorRate: 0.4 });
      let given = 0;
      const brief = t.destinationWith({
        provisionContainers: async (target) => {
          await t.around().faults({ containerLifetimeSeconds: given++ < 3 ? 8 : 3600 });
          const containers = await t.app().destination.provisionContainers(target);
          await t.around().faults({ containerLifetimeSeconds: 3600 });
          return containers;
        },
      });
      const lent = t.setUp({ CONTAINERS: "sharepoint", JOB_NEWS: news });
      await t.run({ ...lent, destination: brief });
      expect(await t.state()).toBe("CompletedWithErrors");
      const failed = (await t.outcomes()).filter(({ result }) => result === "failed");
      expect(failed.length).toBe(9 - t.arrived());
      for (const { issue } of failed) expect(issue).toMatchObject({ code: "IMPORT_ITEM_FAILED" });
    },
    120_000,
  );
});

describe("lent containers and a queue", () => {
  const mode = () => t.setUp({ CONTAINERS: "sharepoint", JOB_NEWS: "queue" });

  it.each([8, 16, 22, 28, 34, 40, 46])(
    "survive the death of the control plane at write %i",
    async (write) => {
      await t.share(6);
      const when = write % 4 ? "before" : "after";
      const faults = [{ write, when, kill: true } as const];
      expect(await t.machine().boot(faults, mode()).start(t.taskId())).toBe(false);
      // As the timer does it.
      await t.machine().boot([], mode()).revive(t.taskId());
      expect(await t.state()).toBe("Completed");
      expect(t.arrived()).toBe(6);
      const url = `${t.around().sharePoint.url}/_simulator/items?site=finance`;
      const lines = (await (await fetch(url)).text()).trim().split("\n");
      const imported = lines
        .map((line) => JSON.parse(line))
        .filter(({ path }) => path.startsWith(`${t.folder()}/`));
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
    await t.share(7);
    await t.around().faults(faults);
    const progress = () => Promise.reject(new Error("the progress is not asked for"));
    const noProgress = t.destinationWith({ progress });
    await t.run({ ...t.setUp({ JOB_NEWS: "queue" }), destination: noProgress });
    expect(await t.state()).toBe("Completed");
    expect(t.arrived()).toBe(7);
    for (const { containers } of await t.packages())
      expect(containers).toMatchObject({ queue: true });
  });

  it("name the items that failed", async () => {
    await t.share(9);
    await t.around().faults({ itemErrorRate: 0.4, duplicateEventRate: 0.3 });
    await t.run(t.setUp({ JOB_NEWS: "queue", CONTAINERS: "sharepoint" }));
    expect(await t.state()).toBe("CompletedWithErrors");
    const failed = (await t.outcomes()).filter(({ result }) => result === "failed");
    expect(failed.length).toBe(9 - t.arrived());
    for (const { issue } of failed) expect(issue).toMatchObject({ code: "IMPORT_ITEM_FAILED" });
  });
});
