import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { but } from "../../test/support/replaced.ts";
import type { TestTask } from "../../test/support/testTask.ts";
import { wholeRounds } from "../../test/support/wholeRounds.ts";
import { viewTask } from "../operations/tasks/viewTask.ts";
import type { Services } from "../services.ts";

/* Older versions of files in whole rounds that meet trouble: what SharePoint has on record, and what the outcomes say. */

const { around, app, newTask } = wholeRounds();

const SNAPSHOTS = ["daily.2026-03-01_0010", "daily.2026-03-02_0010", "daily.2026-03-03_0010"];
const THEN = Date.UTC(2026, 0, 1);

/** A task for a file that has a version in each snapshot, and one that has none, in one package. */
async function keptShare(): Promise<TestTask> {
  const task = await newTask({ settings: { fileVersions: 3, packageItems: 250 } });
  // As many bytes as the hour says, in that hour.
  const put = (path: string, hour: number) =>
    task.share.put({ [path]: "x".repeat(hour) }, new Date(THEN + hour * 3_600_000));
  for (const [hour, name] of SNAPSHOTS.entries()) put(`.snapshot/${name}/a/f.txt`, hour);
  put("a/f.txt", SNAPSHOTS.length);
  put("a/g.txt", 0);
  return task;
}

/** What SharePoint has of a file of the task: sizes of its versions, the current one last. */
async function recorded(
  task: TestTask,
  name: string,
): Promise<{ sizes: number[]; imports: number }> {
  const found = (await task.imported()).find(({ path }) => path === name);
  expect(found?.versions.map(({ label }) => label)).toEqual(
    found?.versions.map((_, index) => `${index + 1}.0`),
  );
  return {
    sizes: found?.versions.map(({ size }) => size) ?? [],
    imports: found?.importCount ?? 0,
  };
}
const outcome = async (task: TestTask, path: string) => (await task.outcomes()).get(path);
const ALL = { sizes: [0, 1, 2, 3], imports: 1 };

/** SharePoint does the first job, and its answer is lost: the package is made anew. */
function losing(
  task: TestTask,
  methods: Partial<Services["destination"]> = {},
): Services["destination"] {
  let submitted = 0;
  return but(app.destination, {
    submit: async (target, files) => {
      const job = await app.destination.submit(target, files);
      if (submitted++ > 0) return job;
      while ((await recorded(task, "a/g.txt")).imports === 0) await sleep(20);
      throw new LongshoreError("DESTINATION_UNREACHABLE", "no answer");
    },
    ...methods,
  });
}

describe("versions", () => {
  it("come with their files", async () => {
    const task = await keptShare();
    expect(await task.run()).toBe("Completed");
    expect(await recorded(task, "a/f.txt")).toEqual(ALL);
    expect(await recorded(task, "a/g.txt")).toEqual({ sizes: [0], imports: 1 });
    expect(await outcome(task, "a/f.txt")).toMatchObject({ size: 3, olderVersions: 3 });
  });

  it("that vanished after the scan do not keep their file back, which says so", async () => {
    const task = await keptShare();
    task.onNth(1, "upload", () =>
      rmSync(task.share.at(`.snapshot/${SNAPSHOTS[1]}`), { recursive: true }),
    );
    expect(await task.run()).toBe("Completed");
    expect(await recorded(task, "a/f.txt")).toEqual({ sizes: [0, 2, 3], imports: 1 });
    const { result, olderVersions, issue } = (await outcome(task, "a/f.txt")) ?? {};
    expect({ result, olderVersions, code: issue?.code }).toEqual({
      ...{ result: "migrated", olderVersions: 2, code: "VERSION_NOT_READ" },
    });
    expect(issue?.message).toContain(`1 of 3 older versions did not come: ${SNAPSHOTS[1]}`);
  });

  it("are lost on a library that keeps none, which the round says", async () => {
    const task = await keptShare();
    await around.faults({ versioning: false });
    expect(await task.run()).toBe("Completed");
    expect((await recorded(task, "a/f.txt")).sizes).toEqual([3]);
    const { round } = await viewTask(app, task.id);
    expect(round?.warnings).toMatchObject([{ code: "VERSIONING_OFF", remedy: expect.anything() }]);
    expect((await task.report("Warnings_R0.csv")).join("\n")).toContain("VERSIONING_OFF");
    // Nobody who asks for none misses any.
    await task.change({ settings: {} });
    await task.boot().start();
    expect((await viewTask(app, task.id)).round).not.toHaveProperty("warnings");
  });

  it("do not come without their file", async () => {
    const task = await keptShare();
    await around.faults({ itemErrorRate: 1 });
    expect(await task.run()).toBe("CompletedWithErrors");
    expect(await outcome(task, "a/f.txt")).toMatchObject({
      ...{ result: "failed", issue: { code: "IMPORT_ITEM_FAILED" } },
    });
  });

  it("are not imported again when they arrived with a job that nobody knows of", async () => {
    const task = await keptShare();
    await task.boot({ destination: losing(task) }).start();
    expect(await task.state()).toBe("Completed");
    expect(await recorded(task, "a/f.txt")).toEqual(ALL);
    expect(await outcome(task, "a/f.txt")).toMatchObject({ result: "migrated", olderVersions: 3 });
  });

  it("are imported again when some may be missing", async () => {
    const task = await keptShare();
    const destination = losing(task, {
      findFile: async (target, path) => {
        const found = await app.destination.findFile(target, path);
        return found && { ...found, version: "2.0" };
      },
    });
    await task.boot({ destination }).start();
    expect(await task.state()).toBe("Completed");
    expect(await recorded(task, "a/f.txt")).toEqual({ ...ALL, imports: 2 });
    expect(await recorded(task, "a/g.txt")).toEqual({ sizes: [0], imports: 1 });
    expect(await outcome(task, "a/f.txt")).toMatchObject({ result: "migrated", olderVersions: 3 });
  });
});
