/* Pause, resume and cancel at all kinds of moments, with the product's parts over real storage, vault and SharePoint. */

import { describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { but } from "../../test/support/replaced.ts";
import type { TestTask } from "../../test/support/testTask.ts";
import { wholeRounds } from "../../test/support/wholeRounds.ts";

const { around, app, newTask } = wholeRounds();

const FOLDERS = 3;
const FILES = 8;
const ITEMS = FOLDERS + FOLDERS * FILES;

function foldersTask(): Promise<TestTask> {
  const files: Record<string, string> = {};
  for (let f = 0; f < FOLDERS; f++)
    for (let n = 0; n < FILES; n++) files[`f${f}/${n}.txt`] = `${f}/${n}`;
  return newTask({ files });
}
/** A task whose n-th item of a kind makes somebody ask for a stop, and the process that has come to an end of it. */
async function asked(wish: "pause" | "cancel", number: number, kind: "scan" | "upload") {
  const task = await foldersTask();
  const process = task.boot();
  task.onNth(number, kind, () => process.request[wish]());
  await process.start();
  return { task, process };
}
const arrived = ({ library }: TestTask) => Object.keys(library.files()).length;
/** How often each file was imported, as SharePoint's own record has it. */
const imports = async (task: TestTask) =>
  (await task.imported())
    .filter(({ kind }) => kind === "file")
    .map(({ importCount }) => importCount);

/** Runs that were fenced off leave rows behind; nobody's lease of them is good any more. */
async function expectNothingLeased(task: TestTask, number = 0): Promise<void> {
  const { run } = await task.round(number);
  for await (const { value } of app.rounds.work.list(`${task.id}.R${number}`, {
    from: "work-",
    before: "work.",
  }))
    if (value.run === run) expect(value.state).not.toBe("leased");
}

async function expectPaused(task: TestTask): Promise<void> {
  expect(await task.state()).toBe("Paused");
  expect((await task.round()).state).toBe("Paused");
  expect(await task.isActive()).toBe(false);
  await expectNothingLeased(task);
}
async function expectWhole(task: TestTask): Promise<void> {
  const { state: ended, migrated, scan, recorded, cancelled } = await task.round();
  expect({ ended, migrated: migrated.items, cancelled }).toEqual({
    ...{ ended: "Completed", migrated: ITEMS, cancelled: 0 },
  });
  expect(recorded).toBe(scan.segments);
  expect(await task.state()).toBe("Completed");
  expect((await task.outcomes()).size).toBe(ITEMS);
  expect(arrived(task)).toBe(FOLDERS * FILES);
  expect(task.library.files()).toEqual(task.share.files());
  expect(new Set(await imports(task))).toEqual(new Set([1]));
  expect(await task.isActive()).toBe(false);
}
/** What must hold of a round that was cancelled, whenever: one outcome for each item, and the truth about it. */
async function expectCancelled(task: TestTask, number = 0): Promise<void> {
  expect(await task.state()).toBe("Cancelled");
  const { state: ended, migrated, skipped, failed, scan, recorded } = await task.round(number);
  expect(ended).toBe("Cancelled");
  expect(migrated.items + skipped.items + failed.items).toBe(scan.items);
  expect(recorded).toBe(scan.segments);
  const found = await task.outcomes(number);
  expect([...found.values()].filter(({ result }) => result === "failed")).toEqual([]);
  expect(failed.items).toBe(0);
  expect(found.size).toBe(scan.items);
  const there = task.library.files();
  for (const [path, { kind, result, issue }] of found) {
    if (result === "skipped") expect(issue?.code).toBe("CANCELLED");
    if (kind === "file") expect([path, path in there]).toEqual([path, result === "migrated"]);
  }
  expect(await task.report(`ItemReport_R${number}.csv`, number)).toHaveLength(scan.items + 2);
  expect((await task.report("Aggregate Summary Report.csv", number)).join("\n")).toContain(
    "Cancelled",
  );
  expect(await task.isActive()).toBe(false);
  await expectNothingLeased(task, number);
}

describe("a pause", () => {
  it("in the middle of an upload gives the item back; resumed, nothing is done twice", async () => {
    const { task, process } = await asked("pause", 3, "upload");
    await expectPaused(task);
    const before = arrived(task);
    expect(before).toBeLessThan(FOLDERS * FILES);
    expect((await task.round()).suspectSegments).toBe(0);
    await process.resume();
    await expectWhole(task);
  });

  it("in the middle of the scan keeps what was found", async () => {
    const { task, process } = await asked("pause", 1, "scan");
    await expectPaused(task);
    expect((await task.round()).scan.finished).toBe(false);
    await process.resume();
    await expectWhole(task);
  });

  it("before anything has begun", async () => {
    const task = await foldersTask();
    const process = task.boot();
    const started = process.start();
    while (!(await app.rounds.find(task.id, 0))) await new Promise((r) => setTimeout(r, 1));
    await process.request.pause();
    await started;
    await expectPaused(task);
    await task.boot().resume();
    await expectWhole(task);
  });

  it("that is taken back at once is as if it had not been", async () => {
    const task = await foldersTask();
    const process = task.boot();
    task.onNth(2, "upload", async () => {
      await process.request.pause();
      await process.request.resume();
    });
    await process.start();
    await expectWhole(task);
  });

  it("is undone as often as one likes", async () => {
    const task = await foldersTask();
    let process = task.boot();
    task.onNth(1, "upload", () => process.request.pause());
    await process.start();
    for (let times = 0; times < 3; times++) {
      await expectPaused(task);
      process = task.boot();
      const now = process;
      task.onNth(2, "upload", () => now.request.pause());
      await process.resume();
    }
    task.onWork(() => undefined);
    if ((await task.state()) === "Paused") await task.boot().resume();
    await expectWhole(task);
  });

  it("is refused when there is nothing to pause, and resuming what is not paused, too", async () => {
    const task = await foldersTask();
    const process = task.boot();
    await process.start();
    await expect(process.request.pause()).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(process.request.resume()).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(process.request.cancel()).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("survives the death of the control plane at any write", async () => {
    for (let n = 0; n < 3; n++) {
      const task = await foldersTask();
      const write = 30 + Math.floor((n + Math.random()) * 32);
      const process = task.boot({
        faults: [{ write, when: n % 2 ? "before" : "after", kill: true }],
      });
      task.onNth(2, "upload", () => process.request.pause().catch(() => undefined));
      await process.start();
      task.onWork(() => undefined);
      // As the timer does it.
      await task.boot().revive();
      if ((await task.state()) === "Paused") {
        await expectPaused(task);
        await task.boot().resume();
      }
      await expectWhole(task);
    }
  });
});

describe("a cancel", () => {
  it("in the middle says of every item what became of it; run again, the rest arrives", async () => {
    const { task } = await asked("cancel", 3, "upload");
    await expectCancelled(task);
    const { cancelled, scan } = await task.round();
    expect(cancelled).toBeGreaterThan(0);
    task.onWork(() => undefined);
    await task.boot().start();
    expect(arrived(task)).toBe(FOLDERS * FILES);
    expect(await task.state()).toBe("Completed");
    // The next round when the whole source is known, the same one when it is not.
    expect((await task.record()).round).toBe(scan.finished ? 1 : 0);
    expect(new Set(await imports(task))).toEqual(new Set([1]));
  });

  it("during the scan leaves the round to be taken up", async () => {
    const { task } = await asked("cancel", 1, "scan");
    await expectCancelled(task);
    expect((await task.round()).scan.finished).toBe(false);
    await task.boot().start();
    await expectWhole(task);
  });

  it("of a paused task", async () => {
    const { task, process } = await asked("pause", 3, "upload");
    await expectPaused(task);
    await process.cancel();
    await expectCancelled(task);
    task.onWork(() => undefined);
    await task.boot().start();
    expect(arrived(task)).toBe(FOLDERS * FILES);
  });

  it("of one that is just pausing", async () => {
    const task = await foldersTask();
    const process = task.boot();
    task.onNth(3, "upload", async () => {
      await process.request.pause();
      await process.request.cancel();
    });
    await process.start();
    await expectCancelled(task);
  });

  it("takes back the jobs that SharePoint has", async () => {
    const task = await foldersTask();
    const process = task.boot();
    await around.faults({ startDelayMs: 1_500 });
    task.onNth(4, "upload", () => process.request.cancel());
    await process.start();
    await around.faults({ startDelayMs: 0 });
    await expectCancelled(task);
  });

  it("follows the jobs that SharePoint does not give back to their end", async () => {
    const task = await foldersTask();
    const refuse = () => Promise.reject(new LongshoreError("DESTINATION_ACCESS_DENIED", "no"));
    const destination = but(app.destination, { cancelJob: refuse });
    const process = task.boot({ destination });
    task.onNth(4, "upload", () => process.request.cancel());
    await process.start();
    await expectCancelled(task);
    expect((await task.round()).migrated.items).toBeGreaterThan(0);
  });

  it("survives the death of the control plane at any write", async () => {
    for (let n = 0; n < 3; n++) {
      const task = await foldersTask();
      const write = 30 + Math.floor((n + Math.random()) * 32);
      const process = task.boot({
        faults: [{ write, when: n % 2 ? "before" : "after", kill: true }],
      });
      let asked = false;
      task.onNth(2, "upload", async () => {
        asked = true;
        await process.request.cancel().catch(() => undefined);
      });
      await process.start();
      task.onWork(() => undefined);
      await task.boot().revive();
      if (asked && (await task.state()) === "Cancelled") {
        await expectCancelled(task);
        await task.boot().start();
      }
      expect(await task.state()).toBe("Completed");
      expect(arrived(task)).toBe(FOLDERS * FILES);
    }
  });
});
