import { describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { THEN } from "../../test/support/fileTree.ts";
import { expectFirstRound, mixedShare } from "../../test/support/mixedShare.ts";
import { round } from "../../test/support/records.ts";
import { but } from "../../test/support/replaced.ts";
import { wholeRounds } from "../../test/support/wholeRounds.ts";

const { app, newTask } = wholeRounds();
const HOUR = 3600_000;

describe("a round that meets trouble on its way", () => {
  const unreachable = () => new LongshoreError("DESTINATION_UNREACHABLE", "no answer");

  it("waits while SharePoint cannot be reached, and submits nothing twice", async () => {
    const task = await mixedShare(newTask);
    let [silent, submitted] = [0, 0];
    const destination = but(app.destination, {
      progress: async (...args) => {
        if (silent++ < 20) throw unreachable();
        return app.destination.progress(...args);
      },
      events: async (...args) => {
        if (silent++ < 40) throw unreachable();
        return app.destination.events(...args);
      },
      submit: async (...args) => {
        submitted++;
        return app.destination.submit(...args);
      },
    });
    await task.boot({ destination }).start();
    await expectFirstRound(task);
    expect({ submitted, waited: silent > 40 }).toEqual({ submitted: 3, waited: true });
  });

  it("makes a package anew when nobody knows whether its job was accepted", async () => {
    const task = await mixedShare(newTask);
    const used: string[] = [];
    const destination = but(app.destination, {
      submit: async (target, files) => {
        used.push(new URL(files.dataUrl).pathname.split("/").at(-1) as string);
        const job = await app.destination.submit(target, files);
        if (used.length === 1) throw unreachable();
        return job;
      },
    });
    await task.boot({ destination }).start();
    await expectFirstRound(task);
    expect(used).toHaveLength(4);
    expect(await app.packageBlobs.getContainerClient(used[0] as string).exists()).toBe(false);
    for (const name of used.slice(1))
      expect(await app.packageBlobs.getContainerClient(name).exists()).toBe(true);
  });

  it("makes a package anew that waited longer than its key lives", async () => {
    const task = await mixedShare(newTask);
    let made = 0;
    const keys = but(app.keys, {
      create: async (now) => app.keys.create(made++ < 4 ? now - 4 * 24 * HOUR : now),
    });
    await task.boot({ keys }).start();
    await expectFirstRound(task);
    expect(made).toBeGreaterThan(4);
  });

  it("fails the items of a package without a key, and remembers what they were", async () => {
    const task = await mixedShare(newTask);
    await task.run();
    task.share.put({ "a/b/deep.txt": "DEEP" }, new Date(THEN.getTime() + HOUR));
    const keys = but(app.keys, {
      create: () => Promise.reject(new LongshoreError("KEY_UNAVAILABLE", "no vault")),
    });
    await task.boot({ keys }).start();
    const [before, after] = [await task.outcomes(), await task.outcomes(1)];
    expect(after.get("a/b/deep.txt")).toMatchObject({
      ...{ result: "failed", issue: { code: "KEY_UNAVAILABLE" }, arrived: { round: 0 } },
      intId: before.get("a/b/deep.txt")?.intId,
    });
    expect((await task.round(1)).skipped.items).toBe(8);
    await task.run();
    expect((await task.round(2)).migrated.items).toBe(1);
    expect(task.library.files()["a/b/deep.txt"]).toBe("DEEP");
  });

  it("does not walk again what an earlier run has walked to its end", async () => {
    const task = await mixedShare(newTask);
    // Recovered once, a finished scan is not walked again: what is new since waits for the next round.
    await task.boot({ faults: [{ write: 45, when: "after", kill: true }] }).start();
    task.share.put({ "zzz.txt": "later" });
    await task.boot().revive();
    const { state, scan } = await task.round();
    expect(state).toBe("CompletedWithErrors");
    expect([10, 11]).toContain(scan.items);
  });
});

describe("a round that cannot go on", () => {
  it("fails with the reason, and a report, when the destination is missing", async () => {
    const task = await mixedShare(newTask);
    const { destination } = await task.record();
    await task.change({ destination: { ...destination, library: "Nowhere" } });
    await task.run();
    expect(await task.round()).toMatchObject({
      ...{ state: "Failed", failure: { code: "DESTINATION_NOT_FOUND" } },
    });
    expect((await task.round()).failure?.message).toMatch(/^the library "Nowhere"/);
    expect(await task.state()).toBe("Failed");
    expect((await task.report("Aggregate Summary Report.csv"))[1]).toContain(
      "DESTINATION_NOT_FOUND",
    );
    expect((await task.report("FatalError_R0.csv"))[1]).toContain(
      "0x0201000D,DESTINATION_NOT_FOUND",
    );
    expect(await task.isActive()).toBe(false);
    // Mended, the same round goes on, and what stopped it is no longer among its reports.
    await task.change({ destination });
    await task.run();
    await expectFirstRound(task);
    expect(await task.report("FatalError_R0.csv")).toEqual([]);
  });

  it("fails when the source is missing, and takes up the scan when it is back", async () => {
    const task = await mixedShare(newTask);
    const { source } = await task.record();
    await task.change({ source: `${source}-not` });
    await task.run();
    expect(await task.round()).toMatchObject({
      ...{ state: "Failed", failure: { code: "SOURCE_NOT_FOUND" }, scan: { finished: true } },
    });
    await task.change({ source });
    await task.run();
    await expectFirstRound(task);
  });

  it("ends when its scan cannot even be offered: nobody waits for what never comes", async () => {
    const task = await mixedShare(newTask);
    const { app: broken, orchestrations } = task.boot();
    broken.queues.send = () => Promise.reject(new Error("no such queue"));
    await app.tasks.setActive(task.id);
    const ref = { taskId: task.id, round: 0, run: "run000" };
    const { source, destination } = await task.record();
    const inventoryContainer = `inventory-${task.id}`;
    await app.rounds.insert(round({ ...ref, number: 0, source, destination, inventoryContainer }));
    await orchestrations.run("migrateTask", ref, "instance");
    expect(await task.round()).toMatchObject({
      state: "Failed",
      failure: { message: "no such queue" },
    });
    expect(await task.state()).toBe("Failed");
  });
});
