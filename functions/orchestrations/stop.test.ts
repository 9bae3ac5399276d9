/* Pause, resume and cancel at all kinds of moments, with the product's parts over real storage, vault and SharePoint. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import type { WorkSpec } from "../../shared/contracts/work.ts";
import { filesBelow } from "../../test/support/library.ts";
import { type Machine, startMachine } from "../../test/support/machine.ts";
import { task } from "../../test/support/records.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "../../test/support/services.ts";
import { readOutcomes } from "../stores/roundBlobs.ts";

let around: Surroundings;
let app: TestServices;
let machine: Machine;
let source: string;
let folder: string;
let taskId: string;
let tests = 0;
/** Called when the agent has claimed an item; tests put what shall happen then here. */
let beforeWork: (spec: WorkSpec) => Promise<void> | void;

beforeAll(async () => {
  around = await startSurroundings();
  app = await buildServices(around);
});
afterAll(async () => {
  await app.close();
  await around.stop();
});
beforeEach(begin);
afterEach(end);

const FOLDERS = 3;
const FILES = 8;
const ITEMS = FOLDERS + FOLDERS * FILES;

async function begin(): Promise<void> {
  source = mkdtempSync(join(tmpdir(), "share-"));
  folder = `stop ${++tests}`;
  taskId = `sess0000-stp${tests}`;
  for (let f = 0; f < FOLDERS; f++) {
    mkdirSync(join(source, `f${f}`));
    for (let n = 0; n < FILES; n++) writeFileSync(join(source, `f${f}`, `${n}.txt`), `${f}/${n}`);
  }
  beforeWork = () => undefined;
  machine = startMachine(app, { beforeWork: (spec) => beforeWork(spec) });
  const destination = { siteUrl: around.siteUrl, library: "Documents", folder };
  const settings = { packageItems: 4, parallelPackages: 2 };
  await app.tasks.insert(task({ id: taskId, source, destination, settings }));
}
async function end(): Promise<void> {
  await machine.stop();
  rmSync(source, { recursive: true });
}

/** Does something when the agent claims its n-th item of a kind, and nothing at the others. */
function at(kind: WorkSpec["kind"], number: number, what: () => Promise<unknown>): void {
  let seen = 0;
  beforeWork = async (spec) => {
    if (spec.kind === kind && ++seen === number) await what();
  };
}
const state = async () => (await app.tasks.find(taskId))?.state;
const round = async (number = 0) => {
  const found = await app.rounds.find(taskId, number);
  if (!found) throw new Error(`there is no round R${number}`);
  return found;
};
const active = async () => (await Array.fromAsync(app.tasks.listActive())).includes(taskId);
function arrived(): Map<string, string> {
  const root = join(around.library, folder);
  return new Map(existsSync(root) ? Object.entries(filesBelow(root)) : []);
}
async function outcomes(number = 0): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  for await (const { segment, value } of app.rounds.listPackages(taskId, number)) {
    if (value.state !== "recorded") continue;
    const ref = { taskId, round: number };
    for await (const each of readOutcomes(app.state.outcomes, ref, segment)) {
      expect(found.has(each.path)).toBe(false);
      found.set(each.path, each);
    }
  }
  return found;
}
async function report(name: string, number = 0): Promise<string> {
  const blob = app.state.reports.getBlobClient(`${taskId}/R${number}/${name}`);
  return (await blob.downloadToBuffer()).toString("utf8");
}
/** How often each file was imported, as SharePoint's own record has it. */
async function imports(): Promise<number[]> {
  const url = `${around.sharePoint.url}/_simulator/items?site=finance`;
  const lines = (await (await fetch(url)).text()).trim().split("\n");
  return lines
    .map((line) => JSON.parse(line) as { path: string; kind: string; importCount: number })
    .filter(({ path, kind }) => kind === "file" && path.startsWith(`${folder}/`))
    .map((item) => item.importCount);
}
/** Runs that were fenced off leave rows behind; nobody's lease of them is good any more. */
async function expectNothingLeased(number = 0): Promise<void> {
  const { run } = await round(number);
  for await (const { value } of app.rounds.work.list(`${taskId}.R${number}`, {
    from: "work-",
    before: "work.",
  }))
    if (value.run === run) expect(value.state).not.toBe("leased");
}

async function expectPaused(): Promise<void> {
  expect(await state()).toBe("Paused");
  expect((await round()).state).toBe("Paused");
  expect(await active()).toBe(false);
  await expectNothingLeased();
}
async function expectWhole(): Promise<void> {
  const { state: ended, migrated, scan, recorded, cancelled } = await round();
  expect({ ended, migrated: migrated.items, cancelled }).toEqual({
    ...{ ended: "Completed", migrated: ITEMS, cancelled: 0 },
  });
  expect(recorded).toBe(scan.segments);
  expect(await state()).toBe("Completed");
  expect((await outcomes()).size).toBe(ITEMS);
  const files = arrived();
  expect(files.size).toBe(FOLDERS * FILES);
  for (const [path, content] of files)
    expect(content).toBe(readFileSync(join(source, path), "utf8"));
  expect(new Set(await imports())).toEqual(new Set([1]));
  expect(await active()).toBe(false);
}
/** What must hold of a round that was cancelled, whenever: one outcome for each item, and the truth about it. */
async function expectCancelled(number = 0): Promise<void> {
  expect(await state()).toBe("Cancelled");
  const { state: ended, migrated, skipped, failed, scan, recorded } = await round(number);
  expect(ended).toBe("Cancelled");
  expect(migrated.items + skipped.items + failed.items).toBe(scan.items);
  expect(recorded).toBe(scan.segments);
  const found = await outcomes(number);
  expect([...found.values()].filter(({ result }) => result === "failed")).toEqual([]);
  expect(failed.items).toBe(0);
  expect(found.size).toBe(scan.items);
  const there = arrived();
  for (const [path, { kind, result, issue }] of found) {
    if (result === "skipped") expect(issue?.code).toBe("CANCELLED");
    if (kind === "file") expect([path, there.has(path)]).toEqual([path, result === "migrated"]);
  }
  expect((await report(`ItemReport_R${number}.csv`, number)).split("\r\n")).toHaveLength(
    scan.items + 2,
  );
  expect(await report("Aggregate Summary Report.csv", number)).toContain("Cancelled");
  expect(await active()).toBe(false);
  await expectNothingLeased(number);
}

describe("a pause", () => {
  it("in the middle of an upload gives the item back; resumed, nothing is done twice", async () => {
    const process = machine.boot();
    at("upload", 3, () => process.request.pause(taskId));
    await process.start(taskId);
    await expectPaused();
    const before = arrived().size;
    expect(before).toBeLessThan(FOLDERS * FILES);
    expect((await round()).suspectSegments).toBe(0);
    await process.resume(taskId);
    await expectWhole();
  });

  it("in the middle of the scan keeps what was found", async () => {
    const process = machine.boot();
    at("scan", 1, () => process.request.pause(taskId));
    await process.start(taskId);
    await expectPaused();
    expect((await round()).scan.finished).toBe(false);
    await process.resume(taskId);
    await expectWhole();
  });

  it("before anything has begun", async () => {
    const process = machine.boot();
    const started = process.start(taskId);
    while (!(await app.rounds.find(taskId, 0))) await new Promise((r) => setTimeout(r, 1));
    await process.request.pause(taskId);
    await started;
    await expectPaused();
    await machine.boot().resume(taskId);
    await expectWhole();
  });

  it("that is taken back at once is as if it had not been", async () => {
    const process = machine.boot();
    at("upload", 2, async () => {
      await process.request.pause(taskId);
      await process.request.resume(taskId);
    });
    await process.start(taskId);
    await expectWhole();
  });

  it("is undone as often as one likes", async () => {
    let process = machine.boot();
    at("upload", 1, () => process.request.pause(taskId));
    await process.start(taskId);
    for (let times = 0; times < 3; times++) {
      await expectPaused();
      process = machine.boot();
      const now = process;
      at("upload", 2, () => now.request.pause(taskId));
      await process.resume(taskId);
    }
    beforeWork = () => undefined;
    if ((await state()) === "Paused") await machine.boot().resume(taskId);
    await expectWhole();
  });

  it("is refused when there is nothing to pause, and resuming what is not paused, too", async () => {
    const process = machine.boot();
    await process.start(taskId);
    await expect(process.request.pause(taskId)).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(process.request.resume(taskId)).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(process.request.cancel(taskId)).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("survives the death of the control plane at any write", async () => {
    for (let n = 0; n < 3; n++) {
      const write = 30 + Math.floor((n + Math.random()) * 32);
      const process = machine.boot([{ write, when: n % 2 ? "before" : "after", kill: true }]);
      at("upload", 2, () => process.request.pause(taskId).catch(() => undefined));
      await process.start(taskId);
      beforeWork = () => undefined;
      // As the timer does it.
      await machine.boot().revive(taskId);
      if ((await state()) === "Paused") {
        await expectPaused();
        await machine.boot().resume(taskId);
      }
      await expectWhole();
      await end();
      await begin();
    }
  });
});

describe("a cancel", () => {
  it("in the middle says of every item what became of it; run again, the rest arrives", async () => {
    const process = machine.boot();
    at("upload", 3, () => process.request.cancel(taskId));
    await process.start(taskId);
    await expectCancelled();
    const { cancelled, scan } = await round();
    expect(cancelled).toBeGreaterThan(0);
    beforeWork = () => undefined;
    await machine.boot().start(taskId);
    expect(arrived().size).toBe(FOLDERS * FILES);
    expect(await state()).toBe("Completed");
    // The next round when the whole source is known, the same one when it is not.
    expect((await app.tasks.find(taskId))?.round).toBe(scan.finished ? 1 : 0);
    expect(new Set(await imports())).toEqual(new Set([1]));
  });

  it("during the scan leaves the round to be taken up", async () => {
    const process = machine.boot();
    at("scan", 1, () => process.request.cancel(taskId));
    await process.start(taskId);
    await expectCancelled();
    expect((await round()).scan.finished).toBe(false);
    await machine.boot().start(taskId);
    await expectWhole();
  });

  it("of a paused task", async () => {
    const process = machine.boot();
    at("upload", 3, () => process.request.pause(taskId));
    await process.start(taskId);
    await expectPaused();
    await process.cancel(taskId);
    await expectCancelled();
    beforeWork = () => undefined;
    await machine.boot().start(taskId);
    expect(arrived().size).toBe(FOLDERS * FILES);
  });

  it("of one that is just pausing", async () => {
    const process = machine.boot();
    at("upload", 3, async () => {
      await process.request.pause(taskId);
      await process.request.cancel(taskId);
    });
    await process.start(taskId);
    await expectCancelled();
  });

  it("takes back the jobs that SharePoint has", async () => {
    const process = machine.boot();
    await around.faults({ startDelayMs: 1_500 });
    at("upload", 4, () => process.request.cancel(taskId));
    await process.start(taskId);
    await around.faults({ startDelayMs: 0 });
    await expectCancelled();
  });

  it("follows the jobs that SharePoint does not give back to their end", async () => {
    const refuse = () => Promise.reject(new LongshoreError("DESTINATION_ACCESS_DENIED", "no"));
    const destination = new Proxy(app.destination, {
      get: (of, name) => (name === "cancelJob" ? refuse : Reflect.get(of, name)),
    });
    const process = machine.boot([], { destination });
    at("upload", 4, () => process.request.cancel(taskId));
    await process.start(taskId);
    await expectCancelled();
    expect((await round()).migrated.items).toBeGreaterThan(0);
  });

  it("survives the death of the control plane at any write", async () => {
    for (let n = 0; n < 3; n++) {
      const write = 30 + Math.floor((n + Math.random()) * 32);
      const process = machine.boot([{ write, when: n % 2 ? "before" : "after", kill: true }]);
      let asked = false;
      at("upload", 2, async () => {
        asked = true;
        await process.request.cancel(taskId).catch(() => undefined);
      });
      await process.start(taskId);
      beforeWork = () => undefined;
      await machine.boot().revive(taskId);
      if (asked && (await state()) === "Cancelled") {
        await expectCancelled();
        await machine.boot().start(taskId);
      }
      expect(await state()).toBe("Completed");
      expect(arrived().size).toBe(FOLDERS * FILES);
      await end();
      await begin();
    }
  });
});
