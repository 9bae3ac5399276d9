import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { fileTree, THEN } from "../../test/support/fileTree.ts";
import { expectFirstRound, FILES, mixedShare } from "../../test/support/mixedShare.ts";
import { wholeRounds } from "../../test/support/wholeRounds.ts";

const { around, app, newTask } = wholeRounds();
const HOUR = 3600_000;

describe("a round", () => {
  it("brings everything, accounts for it, and writes the reports", async () => {
    const task = await mixedShare(newTask);
    expect(await task.boot().start()).toBe(true);
    await expectFirstRound(task);
    const failures = await task.report("ItemFailureReport_R0.csv");
    expect(failures).toHaveLength(3);
    expect(failures[1]).toContain("NAME_INVALID_CHARACTERS");
    expect((await task.report("ItemSummary_R0.csv"))[1]).toMatch(
      /^R0,10,0,1,5,8,8,8,0,8,0,8,0,1,0,0,0,agent$/,
    );
    expect((await task.report("ScanSummary_R0.csv"))[1]).toMatch(/^R0,10,3,0,6,0,1,1,3,5,8,agent$/);
    expect((await task.report("Aggregate Summary Report.csv"))[1]).toContain("CompletedWithErrors");
  });

  it("writes no formula into a report, and text that spreadsheets read", async () => {
    const task = await mixedShare(newTask);
    task.share.put({ "c/@sum.csv": "x" });
    task.share.put({ 'c/"quoted", line.csv': "x" });
    await task.run();
    const [header, ...lines] = await task.report("ItemReport_R0.csv");
    expect(header?.charCodeAt(0)).toBe(0xfeff);
    expect(lines.find((line) => line.includes("1+1"))).toContain(",'=1+1.csv,");
    expect(lines.find((line) => line.includes("@sum"))).toContain(",'@sum.csv,");
    expect(lines.find((line) => line.includes("quoted"))).toContain('"""quoted"", line.csv"');
  });

  it("after it brings what is new or newer, and nothing else", async () => {
    const task = await mixedShare(newTask);
    await task.run();
    const before = await task.outcomes();
    task.share.put({ "a/new.txt": "new" });
    task.share.put({ "a/b/deep.txt": "DEEP" }, new Date(THEN.getTime() + HOUR));
    task.share.put({ "c/empty": "older" }, new Date(THEN.getTime() - HOUR));
    rmSync(task.share.at("c/=1+1.csv"));
    expect(await task.boot().start()).toBe(true);
    expect(task.library.files()).toEqual({ ...FILES, "a/new.txt": "new", "a/b/deep.txt": "DEEP" });
    const after = await task.outcomes(1);
    const { migrated, skipped, failed, state } = await task.round(1);
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
    const task = await mixedShare(newTask);
    await task.run();
    task.share.put({ "a/b/deep.txt": "DEEP" }, new Date(THEN.getTime() + HOUR));
    await around.faults({ itemErrorRate: 1 });
    await task.run();
    await around.faults({ itemErrorRate: 0 });
    expect((await task.outcomes(1)).get("a/b/deep.txt")).toMatchObject({
      ...{ result: "failed", issue: { code: "IMPORT_ITEM_FAILED" }, arrived: { round: 0 } },
    });
    expect(task.library.files()["a/b/deep.txt"]).toBe("deep");
    await task.run();
    expect(task.library.files()["a/b/deep.txt"]).toBe("DEEP");
    expect((await task.outcomes(2)).get("a/b/deep.txt")?.result).toBe("migrated");
  });

  it("finds out by itself when SharePoint does not say that a job has ended", async () => {
    const task = await mixedShare(newTask);
    await around.faults({ dropJobEnd: true });
    await task.run();
    await around.faults({ dropJobEnd: false });
    await expectFirstRound(task);
  });

  it("has an outcome for every file that SharePoint refuses", async () => {
    const task = await mixedShare(newTask);
    await around.faults({ itemErrorRate: 1 });
    await task.run();
    await around.faults({ itemErrorRate: 0 });
    const { migrated, failed, scan } = await task.round();
    expect([scan.items, migrated.items, failed.items]).toEqual([10, 3, 6]);
    expect(task.library.files()).toEqual({});
    expect((await task.outcomes()).get("c/empty")?.issue?.code).toBe("IMPORT_ITEM_FAILED");
    // The next round brings them, under the ids they were meant to have.
    const meant = await task.outcomes();
    await task.run();
    expect(task.library.files()).toEqual(FILES);
    for (const [path, { id }] of await task.outcomes(1)) expect(id).toBe(meant.get(path)?.id);
  });

  it("brings what could not be read in the round before, and forgets nothing of it", async () => {
    const task = await mixedShare(newTask);
    const process = task.boot();
    await process.start();
    rmSync(task.share.at("a/b/deep.txt"));
    mkdirSync(task.share.at("a/b/deep.txt"));
    await task.run();
    // A folder in the place of a file that has arrived: SharePoint refuses it.
    expect((await task.outcomes(1)).get("a/b/deep.txt")).toMatchObject({
      kind: "folder",
      result: "failed",
    });
    rmSync(task.share.at("a/b/deep.txt"), { recursive: true });
    task.share.put({ "a/b/deep.txt": "back" }, new Date(THEN.getTime() + HOUR));
    await task.run();
    expect(task.library.files()["a/b/deep.txt"]).toBe("back");
  });
});

describe("a library that was made again,", () => {
  it("gets everything again", async () => {
    const task = await mixedShare(newTask);
    await task.run();
    await app.rounds.change(task.id, 0, (value) => ({
      ...value,
      target: value.target && { ...value.target, listId: "00000000-0000-4000-8000-000000000000" },
    }));
    // The library here has it all still, which would be found and left alone.
    await task.run({ onConflict: "overwrite" });
    expect(await task.round(1)).not.toHaveProperty("ledgerRound");
    expect((await task.round(1)).migrated.items).toBe(8);
  });

  it("or a folder that is another one by now, too", async () => {
    const task = await mixedShare(newTask);
    await task.run();
    const { destination } = await task.record();
    const moved = `${destination.folder} moved`;
    await task.change({ destination: { ...destination, folder: moved } });
    await task.run();
    expect(fileTree(join(around.library, moved)).files()).toEqual(FILES);
    expect((await task.round(1)).migrated.items).toBe(8);
    // The next round is compared with this one again.
    await task.run();
    expect((await task.round(2)).skipped.items).toBe(9);
  });
});

describe("storage that fails", () => {
  it("at any write, before or after it is done, changes nothing of the result", async () => {
    const total = await writesOfARound();
    expect(total).toBeGreaterThan(50);
    for (const [n, write] of sample(total, 8).entries()) {
      const task = await mixedShare(newTask);
      const when = n % 2 === 0 ? "before" : "after";
      const process = task.boot({ faults: [{ write, when, kill: false }] });
      // The first writes are those of the request that starts the round: whoever sent it sends it again.
      await process.start().catch(() => process.start());
      await expectFirstRound(task);
    }
  });
});

describe("a control plane that is killed", () => {
  it("at any write goes on from the tables, and loses or doubles nothing", async () => {
    const total = await writesOfARound();
    for (const [n, write] of sample(total, 10).entries()) {
      const task = await mixedShare(newTask);
      const when = n % 2 === 0 ? "before" : "after";
      // It dies again on its way back, at another place.
      await task.boot({ faults: [{ write, when, kill: true }] }).start();
      if (n % 3 === 0)
        await task.boot({ faults: [{ write: (write * 7) % 60, when, kill: true }] }).revive();
      await task.boot().revive();
      await expectFirstRound(task);
    }
  });
});

async function writesOfARound(): Promise<number> {
  const { app: counted, start } = (await mixedShare(newTask)).boot();
  await start();
  return counted.writes();
}

/** So many numbers below `total`, spread evenly and another lot in every run. */
function sample(total: number, count: number): number[] {
  const step = total / count;
  return Array.from({ length: count }, (_, n) => Math.floor((n + Math.random()) * step));
}
