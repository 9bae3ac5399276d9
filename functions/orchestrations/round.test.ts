import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import { filesBelow } from "../../test/support/library.ts";
import { type Machine, startMachine } from "../../test/support/machine.ts";
import { outcomesOf } from "../../test/support/outcomes.ts";
import { task } from "../../test/support/records.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "../../test/support/services.ts";
import type { TaskRecord } from "../domain/records.ts";

let around: Surroundings;
let app: TestServices;
let machine: Machine;
let source: string;
let folder: string;
let taskId: string;
let tests = 0;

beforeAll(async () => {
  around = await startSurroundings();
  app = await buildServices(around);
});
afterAll(async () => {
  await app.close();
  await around.stop();
});
beforeEach(() => begin());
afterEach(() => end());

const HOUR = 3600_000;
const THEN = new Date("2024-03-01T12:00:00Z");

/** A share with what shares have: folders, files of all kinds, names that spreadsheets and readers stumble over. */
async function begin(): Promise<void> {
  source = mkdtempSync(join(tmpdir(), "share-"));
  folder = `test ${++tests}`;
  taskId = `sess0000-rnd${tests}`;
  for (const name of ["a", "a/b", "c"]) mkdirSync(join(source, name));
  put("a/b/deep.txt", "deep");
  put("a/large.bin", "L".repeat(150_000));
  put("c/=1+1.csv", "formula");
  put("c/bad:name.txt", "refused");
  put("c/empty", "");
  put("odd\u2028name.txt", "odd");
  symlinkSync("a", join(source, "link"));
  await app.tasks.insert(newTask());
  machine = startMachine(app);
}
async function end(): Promise<void> {
  await machine.stop();
  rmSync(source, { recursive: true });
}
const newTask = (): TaskRecord =>
  task({
    ...{ id: taskId, source },
    destination: { siteUrl: around.siteUrl, library: "Documents", folder },
    settings: { packageItems: 4, parallelPackages: 2 },
  });

function put(path: string, content: string, time = THEN): void {
  writeFileSync(join(source, path), content);
  utimesSync(join(source, path), time, time);
}
const FILES = {
  "a/b/deep.txt": "deep",
  "a/large.bin": "L".repeat(150_000),
  "c/=1+1.csv": "formula",
  "c/empty": "",
  "odd\u2028name.txt": "odd",
};
/** Every file at the destination with its content. */
const arrived = () => filesBelow(join(around.library, folder));
async function outcomes(number = 0): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  for (const each of await outcomesOf(app, taskId, number)) {
    expect(found.has(each.path)).toBe(false);
    found.set(each.path, each);
  }
  return found;
}
const round = async (number = 0) => {
  const found = await app.rounds.find(taskId, number);
  if (!found) throw new Error(`there is no round R${number}`);
  return found;
};
async function report(name: string, number = 0): Promise<string[]> {
  const blob = app.state.reports.getBlobClient(`${taskId}/R${number}/${name}`);
  if (!(await blob.exists())) return [];
  return (await blob.downloadToBuffer()).toString("utf8").split("\r\n");
}
/** Everything that is imported into the test's folder, as SharePoint's own record has it. */
async function records(): Promise<{ path: string; kind: string; jobId?: string }[]> {
  const url = `${around.sharePoint.url}/_simulator/items?site=finance`;
  const lines = (await (await fetch(url)).text()).trim().split("\n");
  return lines
    .map((line) => JSON.parse(line) as { path: string; kind: string })
    .filter(({ path }) => path.startsWith(`${folder}/`));
}

/** What must hold of the first round of the share, whatever happened on the way. */
async function expectFirstRound(): Promise<void> {
  expect(arrived()).toEqual(FILES);
  const { state, scan, migrated, skipped, failed, recorded, packaged, uploaded, imported } =
    await round();
  expect({ state, migrated, skipped, failed }).toEqual({
    ...{ state: "CompletedWithErrors", migrated: { items: 8, bytes: 150_014 } },
    ...{ skipped: { items: 1, bytes: 0 }, failed: { items: 1, bytes: 7 } },
  });
  expect(scan).toMatchObject({ finished: true, items: 10, files: 6, folders: 3, segments: 3 });
  for (const stage of [packaged, uploaded, imported]) expect(stage.items).toBeLessThanOrEqual(10);
  expect(packaged).toEqual({ items: 10, bytes: 150_021 });
  expect(recorded).toBe(3);
  const found = await outcomes();
  expect(found.size).toBe(10);
  const ids = [...found.values()].flatMap(({ id, listItemId }) => [id, listItemId].filter(Boolean));
  expect(new Set(ids).size).toBe(ids.length);
  expect(found.get("c/bad:name.txt")?.issue?.code).toBe("NAME_INVALID_CHARACTERS");
  expect(found.get("link")?.issue?.code).toBe("SYMBOLIC_LINK");
  // A header, ten items and the end of the last line.
  expect(await report("ItemReport_R0.csv")).toHaveLength(12);
  const items = await records();
  expect(items).toHaveLength(8);
  expect(await app.tasks.find(taskId)).toMatchObject({
    ...{ state: "CompletedWithErrors", round: 0, ledgerRound: 0, nextIntId: 13 },
  });
  expect(await Array.fromAsync(app.tasks.listActive())).not.toContain(taskId);
}

describe("a round", () => {
  it("brings everything, accounts for it, and writes the reports", async () => {
    expect(await machine.boot().start(taskId)).toBe(true);
    await expectFirstRound();
    const failures = await report("ItemFailureReport_R0.csv");
    expect(failures).toHaveLength(3);
    expect(failures[1]).toContain("NAME_INVALID_CHARACTERS");
    expect((await report("ItemSummary_R0.csv"))[1]).toMatch(
      /^R0,10,0,1,5,8,8,8,0,8,0,8,0,1,0,0,0,agent$/,
    );
    expect((await report("ScanSummary_R0.csv"))[1]).toMatch(/^R0,10,3,0,6,0,1,1,3,5,8,agent$/);
    expect((await report("Aggregate Summary Report.csv"))[1]).toContain("CompletedWithErrors");
  });

  it("writes no formula into a report, and text that spreadsheets read", async () => {
    put("c/@sum.csv", "x");
    put('c/"quoted", line.csv', "x");
    await machine.boot().start(taskId);
    const [header, ...lines] = await report("ItemReport_R0.csv");
    expect(header?.charCodeAt(0)).toBe(0xfeff);
    expect(lines.find((line) => line.includes("1+1"))).toContain(",'=1+1.csv,");
    expect(lines.find((line) => line.includes("@sum"))).toContain(",'@sum.csv,");
    expect(lines.find((line) => line.includes("quoted"))).toContain('"""quoted"", line.csv"');
  });

  it("after it brings what is new or newer, and nothing else", async () => {
    await machine.boot().start(taskId);
    const before = await outcomes();
    put("a/new.txt", "new");
    put("a/b/deep.txt", "DEEP", new Date(THEN.getTime() + HOUR));
    put("c/empty", "older", new Date(THEN.getTime() - HOUR));
    rmSync(join(source, "c/=1+1.csv"));
    expect(await machine.boot().start(taskId)).toBe(true);
    expect(arrived()).toEqual({ ...FILES, "a/new.txt": "new", "a/b/deep.txt": "DEEP" });
    const after = await outcomes(1);
    const { migrated, skipped, failed, state } = await round(1);
    expect([migrated.items, skipped.items, failed.items]).toEqual([2, 7, 1]);
    expect(state).toBe("CompletedWithErrors");
    for (const [path, { id, listItemId, intId }] of after)
      if (id && before.has(path)) expect(before.get(path)).toMatchObject({ id, listItemId, intId });
    expect(after.get("a/b/deep.txt")?.arrived?.round).toBe(1);
    expect(after.get("a")?.arrived?.round).toBe(0);
    // Nothing was deleted at the source that is deleted at the destination.
    expect(after.has("c/=1+1.csv")).toBe(false);
  });

  it("brings a changed file of the same size that failed to import the first time", async () => {
    await machine.boot().start(taskId);
    put("a/b/deep.txt", "DEEP", new Date(THEN.getTime() + HOUR));
    await around.faults({ itemErrorRate: 1 });
    await machine.boot().start(taskId);
    await around.faults({ itemErrorRate: 0 });
    expect((await outcomes(1)).get("a/b/deep.txt")).toMatchObject({
      ...{ result: "failed", issue: { code: "IMPORT_ITEM_FAILED" }, arrived: { round: 0 } },
    });
    expect(arrived()["a/b/deep.txt"]).toBe("deep");
    await machine.boot().start(taskId);
    expect(arrived()["a/b/deep.txt"]).toBe("DEEP");
    expect((await outcomes(2)).get("a/b/deep.txt")?.result).toBe("migrated");
  });

  it("finds out by itself when SharePoint does not say that a job has ended", async () => {
    await around.faults({ dropJobEnd: true });
    await machine.boot().start(taskId);
    await around.faults({ dropJobEnd: false });
    await expectFirstRound();
  });

  it("has an outcome for every file that SharePoint refuses", async () => {
    await around.faults({ itemErrorRate: 1 });
    await machine.boot().start(taskId);
    await around.faults({ itemErrorRate: 0 });
    const { migrated, failed, scan } = await round();
    expect([scan.items, migrated.items, failed.items]).toEqual([10, 3, 6]);
    expect(arrived()).toEqual({});
    expect((await outcomes()).get("c/empty")?.issue?.code).toBe("IMPORT_ITEM_FAILED");
    // The next round brings them, under the ids they were meant to have.
    const meant = await outcomes();
    await machine.boot().start(taskId);
    expect(arrived()).toEqual(FILES);
    for (const [path, { id }] of await outcomes(1)) expect(id).toBe(meant.get(path)?.id);
  });

  it("brings what could not be read in the round before, and forgets nothing of it", async () => {
    const process = machine.boot();
    await process.start(taskId);
    rmSync(join(source, "a/b/deep.txt"));
    mkdirSync(join(source, "a/b/deep.txt"));
    await machine.boot().start(taskId);
    // A folder in the place of a file that has arrived: SharePoint refuses it.
    expect((await outcomes(1)).get("a/b/deep.txt")).toMatchObject({
      kind: "folder",
      result: "failed",
    });
    rmSync(join(source, "a/b/deep.txt"), { recursive: true });
    put("a/b/deep.txt", "back", new Date(THEN.getTime() + HOUR));
    await machine.boot().start(taskId);
    expect(arrived()["a/b/deep.txt"]).toBe("back");
  });
});

describe("a round that meets trouble on its way", () => {
  /** A part of the services of which some methods are replaced. */
  const but = <T extends object>(part: T, methods: Partial<T>): T =>
    new Proxy(part, {
      get(of, name) {
        const value = Reflect.get(name in methods ? methods : of, name) as unknown;
        return typeof value === "function" ? value.bind(of) : value;
      },
    });
  const unreachable = () => new LongshoreError("DESTINATION_UNREACHABLE", "no answer");

  it("waits while SharePoint cannot be reached, and submits nothing twice", async () => {
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
    await machine.boot([], { destination }).start(taskId);
    await expectFirstRound();
    expect({ submitted, waited: silent > 40 }).toEqual({ submitted: 3, waited: true });
  });

  it("makes a package anew when nobody knows whether its job was accepted", async () => {
    const used: string[] = [];
    const destination = but(app.destination, {
      submit: async (target, files) => {
        used.push(new URL(files.dataUrl).pathname.split("/").at(-1) as string);
        const job = await app.destination.submit(target, files);
        if (used.length === 1) throw unreachable();
        return job;
      },
    });
    await machine.boot([], { destination }).start(taskId);
    await expectFirstRound();
    expect(used).toHaveLength(4);
    expect(await app.packageBlobs.getContainerClient(used[0] as string).exists()).toBe(false);
    for (const name of used.slice(1))
      expect(await app.packageBlobs.getContainerClient(name).exists()).toBe(true);
  });

  it("makes a package anew that waited longer than its key lives", async () => {
    let made = 0;
    const keys = but(app.keys, {
      create: async (now) => app.keys.create(made++ < 4 ? now - 4 * 24 * HOUR : now),
    });
    await machine.boot([], { keys }).start(taskId);
    await expectFirstRound();
    expect(made).toBeGreaterThan(4);
  });

  it("fails the items of a package without a key, and remembers what they were", async () => {
    await machine.boot().start(taskId);
    put("a/b/deep.txt", "DEEP", new Date(THEN.getTime() + HOUR));
    const keys = but(app.keys, {
      create: () => Promise.reject(new LongshoreError("KEY_UNAVAILABLE", "no vault")),
    });
    await machine.boot([], { keys }).start(taskId);
    const [before, after] = [await outcomes(), await outcomes(1)];
    expect(after.get("a/b/deep.txt")).toMatchObject({
      ...{ result: "failed", issue: { code: "KEY_UNAVAILABLE" }, arrived: { round: 0 } },
      intId: before.get("a/b/deep.txt")?.intId,
    });
    expect((await round(1)).skipped.items).toBe(8);
    await machine.boot().start(taskId);
    expect((await round(2)).migrated.items).toBe(1);
    expect(arrived()["a/b/deep.txt"]).toBe("DEEP");
  });

  it("does not walk again what an earlier run has walked to its end", async () => {
    // Recovered once, a finished scan is not walked again: what is new since waits for the next round.
    await machine.boot([{ write: 45, when: "after", kill: true }]).start(taskId);
    put("zzz.txt", "later");
    await machine.boot().revive(taskId);
    const { state, scan } = await round();
    expect(state).toBe("CompletedWithErrors");
    expect([10, 11]).toContain(scan.items);
  });
});

describe("a round that cannot go on", () => {
  it("fails with the reason, and a report, when the destination is missing", async () => {
    await app.tasks.update(taskId, (value) => ({
      ...value,
      destination: { ...value.destination, library: "Nowhere" },
    }));
    await machine.boot().start(taskId);
    expect(await round()).toMatchObject({
      ...{ state: "Failed", failure: { code: "DESTINATION_NOT_FOUND" } },
    });
    expect((await round()).failure?.message).toMatch(/^the library "Nowhere"/);
    expect((await app.tasks.find(taskId))?.state).toBe("Failed");
    expect((await report("Aggregate Summary Report.csv"))[1]).toContain("DESTINATION_NOT_FOUND");
    expect((await report("FatalError_R0.csv"))[1]).toContain("0x0201000D,DESTINATION_NOT_FOUND");
    expect(await Array.fromAsync(app.tasks.listActive())).not.toContain(taskId);
    // Mended, the same round goes on, and what stopped it is no longer among its reports.
    await app.tasks.update(taskId, () => ({ ...newTask(), state: "Failed", round: 0 }));
    await machine.boot().start(taskId);
    await expectFirstRound();
    expect(await report("FatalError_R0.csv")).toEqual([]);
  });

  it("fails when the source is missing, and takes up the scan when it is back", async () => {
    await app.tasks.update(taskId, (value) => ({ ...value, source: `${source}-not` }));
    await machine.boot().start(taskId);
    expect(await round()).toMatchObject({
      ...{ state: "Failed", failure: { code: "SOURCE_NOT_FOUND" }, scan: { finished: true } },
    });
    await app.tasks.update(taskId, (value) => ({ ...value, source }));
    await machine.boot().start(taskId);
    await expectFirstRound();
  });

  it("ends when its scan cannot even be offered: nobody waits for what never comes", async () => {
    const { app: broken, orchestrations } = machine.boot();
    broken.queues.send = () => Promise.reject(new Error("no such queue"));
    await app.tasks.setActive(taskId);
    const ref = { taskId, round: 0, run: "run000" };
    const { round: fresh } = await import("../../test/support/records.ts");
    const { source, destination } = (await app.tasks.find(taskId)) as TaskRecord;
    await app.rounds.insert(
      fresh({ ...ref, number: 0, source, destination, inventoryContainer: `inventory-${taskId}` }),
    );
    await orchestrations.run("migrateTask", ref, "instance");
    expect(await round()).toMatchObject({ state: "Failed", failure: { message: "no such queue" } });
    expect((await app.tasks.find(taskId))?.state).toBe("Failed");
  });
});

describe("a library that was made again,", () => {
  it("gets everything again", async () => {
    await machine.boot().start(taskId);
    await app.rounds.change(taskId, 0, (value) => ({
      ...value,
      target: value.target && { ...value.target, listId: "00000000-0000-4000-8000-000000000000" },
    }));
    // The library here has it all still, which would be found and left alone.
    await app.tasks.update(taskId, (value) => ({
      ...value,
      settings: { ...value.settings, onConflict: "overwrite" },
    }));
    await machine.boot().start(taskId);
    expect(await round(1)).not.toHaveProperty("ledgerRound");
    expect((await round(1)).migrated.items).toBe(8);
  });

  it("or a folder that is another one by now, too", async () => {
    await machine.boot().start(taskId);
    const first = folder;
    folder = `${first} moved`;
    await app.tasks.update(taskId, (value) => ({
      ...value,
      destination: { ...value.destination, folder },
    }));
    await machine.boot().start(taskId);
    expect(arrived()).toEqual(FILES);
    expect((await round(1)).migrated.items).toBe(8);
    // The next round is compared with this one again.
    await machine.boot().start(taskId);
    expect((await round(2)).skipped.items).toBe(9);
  });
});

describe("storage that fails", () => {
  it("at any write, before or after it is done, changes nothing of the result", async () => {
    const { app: counted, start } = machine.boot();
    await start(taskId);
    const total = counted.writes();
    await end();
    expect(total).toBeGreaterThan(50);
    for (const [n, write] of sample(total, 8).entries()) {
      await begin();
      const when = n % 2 === 0 ? "before" : "after";
      const process = machine.boot([{ write, when, kill: false }]);
      // The first writes are those of the request that starts the round: whoever sent it sends it again.
      await process.start(taskId).catch(() => process.start(taskId));
      await expectFirstRound();
      await end();
    }
    await begin();
  });
});

describe("a control plane that is killed", () => {
  it("at any write goes on from the tables, and loses or doubles nothing", async () => {
    const { app: counted, start } = machine.boot();
    await start(taskId);
    const total = counted.writes();
    await end();
    for (const [n, write] of sample(total, 10).entries()) {
      await begin();
      const when = n % 2 === 0 ? "before" : "after";
      // It dies again on its way back, at another place.
      await machine.boot([{ write, when, kill: true }]).start(taskId);
      if (n % 3 === 0)
        await machine.boot([{ write: (write * 7) % 60, when, kill: true }]).revive(taskId);
      await machine.boot().revive(taskId);
      await expectFirstRound();
      await end();
    }
    await begin();
  });
});

/** So many numbers below `total`, spread evenly and another lot in every run. */
function sample(total: number, count: number): number[] {
  const step = total / count;
  return Array.from({ length: count }, (_, n) => Math.floor((n + Math.random()) * step));
}
