import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { WorkSpec } from "../../shared/contracts/work.ts";
import { type Machine, startMachine } from "../../test/support/machine.ts";
import { outcomesOf } from "../../test/support/outcomes.ts";
import { task } from "../../test/support/records.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "../../test/support/services.ts";
import { viewTask } from "../operations/tasks/viewTask.ts";

/* Older versions of files in whole rounds that meet trouble: what SharePoint has on record, and what the outcomes say. */

let around: Surroundings;
let app: TestServices;
let machine: Machine;
let source: string;
let folder: string;
let taskId: string;
let tests = 0;
/** What happens when an agent has claimed an upload. */
let beforeUpload: () => void;

beforeAll(async () => {
  around = await startSurroundings();
  app = await buildServices(around);
});
afterAll(async () => {
  await app.close();
  await around.stop();
});
beforeEach(async () => {
  source = mkdtempSync(join(tmpdir(), "share-"));
  folder = `versions ${++tests}`;
  taskId = `sess0000-ver${tests}`;
  beforeUpload = () => undefined;
  machine = startMachine(app, {
    beforeWork: ({ kind }: WorkSpec) => void (kind === "upload" && beforeUpload()),
  });
  for (const [hour, name] of SNAPSHOTS.entries()) put(`.snapshot/${name}/a/f.txt`, hour);
  put("a/f.txt", SNAPSHOTS.length);
  put("a/g.txt", 0);
  const destination = { siteUrl: around.siteUrl, library: "Documents", folder };
  await app.tasks.insert(task({ id: taskId, source, destination, settings: { fileVersions: 3 } }));
});
afterEach(async () => {
  await machine.stop();
  await around.faults({ itemErrorRate: 0, versioning: true });
  rmSync(source, { recursive: true });
});

const SNAPSHOTS = ["daily.2026-03-01_0010", "daily.2026-03-02_0010", "daily.2026-03-03_0010"];
const THEN = Date.UTC(2026, 0, 1);
/** Writes as many bytes as the hour says, in that hour. */
function put(path: string, hour: number): void {
  const file = join(source, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "x".repeat(hour));
  const time = new Date(THEN + hour * 3_600_000);
  utimesSync(file, time, time);
}

interface Recorded {
  path: string;
  versions: { label: string; size: number }[];
  importCount: number;
}
/** What SharePoint has of a file of the task: sizes of its versions, the current one last. */
async function recorded(name: string): Promise<{ sizes: number[]; imports: number }> {
  const origin = new URL(around.siteUrl).origin;
  const response = await fetch(`${origin}/_simulator/items?site=finance&list=Documents`);
  const lines = (await response.text()).split("\n").filter(Boolean);
  const items = lines.map((line) => JSON.parse(line) as Recorded);
  const found = items.find(({ path }) => path === `${folder}/${name}`);
  expect(found?.versions.map(({ label }) => label)).toEqual(
    found?.versions.map((_, index) => `${index + 1}.0`),
  );
  return {
    sizes: found?.versions.map(({ size }) => size) ?? [],
    imports: found?.importCount ?? 0,
  };
}
const outcome = async (path: string) =>
  (await outcomesOf(app, taskId)).find((each) => each.path === path);
const state = async () => (await app.tasks.find(taskId))?.state;
const ALL = { sizes: [0, 1, 2, 3], imports: 1 };

/** SharePoint does the first job, and its answer is lost: the package is made anew. */
function losing(but: Partial<TestServices["destination"]> = {}): TestServices["destination"] {
  let submitted = 0;
  const methods: Partial<TestServices["destination"]> = {
    submit: async (target, files) => {
      const job = await app.destination.submit(target, files);
      if (submitted++ > 0) return job;
      while ((await recorded("a/g.txt")).imports === 0) await sleep(20);
      throw new LongshoreError("DESTINATION_UNREACHABLE", "no answer");
    },
    ...but,
  };
  return new Proxy(app.destination, {
    get(of, name) {
      const value = Reflect.get(name in methods ? methods : of, name) as unknown;
      return typeof value === "function" ? value.bind(of) : value;
    },
  });
}

describe("versions", () => {
  it("come with their files", async () => {
    await machine.boot().start(taskId);
    expect(await state()).toBe("Completed");
    expect(await recorded("a/f.txt")).toEqual(ALL);
    expect(await recorded("a/g.txt")).toEqual({ sizes: [0], imports: 1 });
    expect(await outcome("a/f.txt")).toMatchObject({ size: 3, olderVersions: 3 });
  });

  it("that vanished after the scan do not keep their file back, which says so", async () => {
    beforeUpload = () =>
      rmSync(join(source, ".snapshot", SNAPSHOTS[1] as string), { recursive: true });
    await machine.boot().start(taskId);
    expect(await state()).toBe("Completed");
    expect(await recorded("a/f.txt")).toEqual({ sizes: [0, 2, 3], imports: 1 });
    const { result, olderVersions, issue } = (await outcome("a/f.txt")) ?? {};
    expect({ result, olderVersions, code: issue?.code }).toEqual({
      ...{ result: "migrated", olderVersions: 2, code: "VERSION_NOT_READ" },
    });
    expect(issue?.message).toContain(`1 of 3 older versions did not come: ${SNAPSHOTS[1]}`);
  });

  it("are lost on a library that keeps none, which the round says", async () => {
    await around.faults({ versioning: false });
    await machine.boot().start(taskId);
    expect(await state()).toBe("Completed");
    expect((await recorded("a/f.txt")).sizes).toEqual([3]);
    const { round } = await viewTask(app, taskId);
    expect(round?.warnings).toMatchObject([{ code: "VERSIONING_OFF", remedy: expect.anything() }]);
    const report = app.state.reports.getBlobClient(`${taskId}/R0/Warnings_R0.csv`);
    expect(String(await report.downloadToBuffer())).toContain("VERSIONING_OFF");
    // Nobody who asks for none misses any.
    await app.tasks.update(taskId, (value) => ({ ...value, settings: {} }));
    await machine.boot().start(taskId);
    expect((await viewTask(app, taskId)).round).not.toHaveProperty("warnings");
  });

  it("do not come without their file", async () => {
    await around.faults({ itemErrorRate: 1 });
    await machine.boot().start(taskId);
    expect(await state()).toBe("CompletedWithErrors");
    expect(await outcome("a/f.txt")).toMatchObject({
      ...{ result: "failed", issue: { code: "IMPORT_ITEM_FAILED" } },
    });
  });

  it("are not imported again when they arrived with a job that nobody knows of", async () => {
    await machine.boot([], { destination: losing() }).start(taskId);
    expect(await state()).toBe("Completed");
    expect(await recorded("a/f.txt")).toEqual(ALL);
    expect(await outcome("a/f.txt")).toMatchObject({ result: "migrated", olderVersions: 3 });
  });

  it("are imported again when some may be missing", async () => {
    const destination = losing({
      findFile: async (target, path) => {
        const found = await app.destination.findFile(target, path);
        return found && { ...found, version: "2.0" };
      },
    });
    await machine.boot([], { destination }).start(taskId);
    expect(await state()).toBe("Completed");
    expect(await recorded("a/f.txt")).toEqual({ ...ALL, imports: 2 });
    expect(await recorded("a/g.txt")).toEqual({ sizes: [0], imports: 1 });
    expect(await outcome("a/f.txt")).toMatchObject({ result: "migrated", olderVersions: 3 });
  });
});
