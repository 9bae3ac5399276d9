import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { Issue } from "../../shared/contracts/inventory.ts";
import { file, pkg, round, summaryOf, target } from "../../test/support/records.ts";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";
import { PACKAGE_STATES, type PackageRecord, type WorkRecord } from "../domain/records.ts";
import { claimed, completed, renewed } from "../domain/workItems.ts";
import { openTable } from "./documents.ts";
import {
  type PackageRef,
  parseWorkId,
  type ScanId,
  type UploadId,
  type WorkId,
  workId,
} from "./refs.ts";
import { MAX_PACKAGES_PER_WRITE, RoundStore } from "./rounds.ts";

let storage: TestStorage;
let store: RoundStore;
/** Every test has a task of its own, and so a partition. */
let ref: { taskId: string; round: number; run: string };
let tests = 0;

beforeAll(async () => {
  storage = await startStorage();
  store = new RoundStore(await openTable(storage.connection, uniquePrefix()));
});
afterAll(() => storage.stop());
beforeEach(async () => {
  ref = { taskId: `sess0000-test${++tests}`, round: 0, run: "run000" };
  await store.insert(round({ taskId: ref.taskId }));
});

const other = () => ({ ...ref, run: "run999" });
const row = async () => {
  const found = await store.find(ref.taskId, 0);
  if (!found) throw new Error("the round has no row");
  return found;
};
const at = (segment: number): PackageRef => ({ ...ref, segment });
const summaries = (count: number, first = 0) =>
  Array.from({ length: count }, (_, n) => summaryOf(first + n, [file(`f${first + n}`)]));
const packages = async () =>
  (await Array.fromAsync(store.listPackages(ref.taskId, 0))).map(({ segment }) => segment);
const scan = () => workId(ref, { kind: "scan" }) as ScanId;
const upload = (segment: number, attempt = 1) =>
  workId(ref, { kind: "upload", segment, attempt }) as UploadId;
const lease = (agentId: string, epoch: number, now = Date.now()) => ({
  ...{ agentId, epoch, now, leaseSeconds: 60 },
});
const conflict = { code: "CONFLICT" };

async function offer(id: WorkId, agent?: string): Promise<void> {
  await store.insertWork({
    ...{ id: id.text, kind: id.kind, taskId: ref.taskId, round: 0, run: id.run },
    ...{ group: "default", instance: "instance", state: "queued", epoch: 1, lost: 0 },
    ...{ offeredAt: "now", progress: { items: 0, bytes: 0 } },
  });
  if (agent) await store.changeWork(id, (work) => claimed(work, lease(agent, 1)));
}
/** Registers as the agent with this lease would. */
const register = (count: number, first = 0, agent = "a", epoch = 1) =>
  store.registerSegments(scan(), summaries(count, first), agent, (work: WorkRecord) =>
    renewed(work, { ...lease(agent, epoch), progress: { items: 1, bytes: 1 } }),
  );
/** A round whose scan is over, with packages in these states. */
async function withPackages(...records: Partial<PackageRecord>[]): Promise<void> {
  await store.mendPackages(
    ref,
    records.map((more, segment) => ({ segment, value: pkg(segment, more) })),
  );
  await store.openRound(ref, (value) => ({
    ...value,
    target: target(),
    scan: { ...value.scan, finished: true, segments: records.length },
  }));
}

describe("a round's row", () => {
  it("is made once", async () => {
    expect(await store.insert(round({ taskId: ref.taskId, run: "other0" }))).toBe(false);
    expect((await row()).run).toBe("run000");
  });

  it("is there for its run only", async () => {
    expect((await store.current(ref)).run).toBe("run000");
    await expect(store.current(other())).rejects.toMatchObject(conflict);
    await expect(store.updateRound(other(), (value) => value)).rejects.toMatchObject(conflict);
    await expect(store.current({ ...ref, round: 9 })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("is there for nobody when the round is over", async () => {
    await store.updateRound(ref, (value) => ({ ...value, state: "Completed" }));
    await expect(store.current(ref)).rejects.toThrow("is Completed under run run000");
  });
});

describe("segments", () => {
  beforeEach(() => offer(scan(), "a"));

  it("become packages, and are counted", async () => {
    expect(await register(3)).toBe(true);
    expect(await packages()).toEqual([0, 1, 2]);
    expect(await row()).toMatchObject({
      scan: { segments: 3, items: 3, files: 3, bytes: 30, lastPath: "f2", finished: false },
      agents: ["a"],
    });
    expect(await store.package(at(1))).toEqual(pkg(1));
  });

  it("that are new make the agents forgotten who were lost before", async () => {
    await store.changeWork(scan(), (work) => ({ ...work, lost: 3 }));
    await register(0);
    expect((await store.findWork(scan()))?.lost).toBe(3);
    await register(1);
    expect((await store.findWork(scan()))?.lost).toBe(0);
  });

  it("that are repeated count once", async () => {
    await register(3);
    await register(4);
    await Promise.all([register(6), register(5), register(6), register(2)]);
    expect(await packages()).toEqual([0, 1, 2, 3, 4, 5]);
    expect((await row()).scan).toMatchObject({ segments: 6, items: 6 });
  });

  it("beyond a gap do not count", async () => {
    await register(1);
    await register(2, 2);
    expect(await packages()).toEqual([0]);
  });

  it("of more rows than a transaction takes are registered all the same", async () => {
    const many = 2 * MAX_PACKAGES_PER_WRITE + 7;
    await register(many);
    expect(await packages()).toHaveLength(many);
    expect((await row()).scan.segments).toBe(many);
  });

  it("renew the lease with which they came", async () => {
    const before = (await store.findWork(scan()))?.leaseUntil as string;
    await new Promise((resolve) => setTimeout(resolve, 5));
    await register(1);
    const work = await store.findWork(scan());
    expect(work?.progress).toEqual({ items: 1, bytes: 1 });
    expect(Date.parse(work?.leaseUntil as string)).toBeGreaterThan(Date.parse(before));
  });

  it("of somebody without the lease do not count", async () => {
    expect(await register(1, 0, "b")).toBe(false);
    expect(await register(1, 0, "a", 2)).toBe(false);
    expect(await packages()).toEqual([]);
    expect((await row()).agents).toEqual([]);
  });

  it("of a run that is over do not count", async () => {
    await store.change(ref.taskId, 0, (value) => ({ ...value, run: "run999" }));
    expect(await register(1)).toBe(false);
    expect(await packages()).toEqual([]);
  });

  it("after the end of the scan do not count", async () => {
    await register(1);
    await store.completeScan(scan(), { totalSegments: 1 }, (work) =>
      completed(work, { agentId: "a", epoch: 1 }),
    );
    await register(1, 1);
    expect(await packages()).toEqual([0]);
  });
});

describe("the end of a scan", () => {
  const done = (agentId = "a", epoch = 1) =>
    store.completeScan(scan(), { totalSegments: 2 }, (work) => completed(work, { agentId, epoch }));
  beforeEach(async () => {
    await offer(scan(), "a");
    await register(2);
  });

  it("ends scan and work item together, and may be repeated", async () => {
    await done();
    await done();
    expect((await row()).scan.finished).toBe(true);
    expect((await store.findWork(scan()))?.state).toBe("done");
  });

  it("keeps what the scan says of the source as a whole, as it says it last", async () => {
    const warnings: Issue[] = [{ code: "NO_SNAPSHOTS", message: "no .snapshot, no ~snapshot" }];
    const end = (said: { warnings?: Issue[] }) =>
      store.completeScan(scan(), { totalSegments: 2, ...said }, (work) => work);
    await end({ warnings });
    expect((await row()).warnings).toEqual(warnings);
    await end({ warnings: [] });
    expect(await row()).not.toHaveProperty("warnings");
  });

  it("is refused while segments are missing, and changes nothing", async () => {
    const early = store.completeScan(scan(), { totalSegments: 3 }, (work) =>
      completed(work, { agentId: "a", epoch: 1 }),
    );
    await expect(early).rejects.toThrow("the scan says 3 segments, 2 are registered");
    expect((await row()).scan.finished).toBe(false);
    expect((await store.findWork(scan()))?.state).toBe("leased");
  });

  it("is refused without the lease", async () => {
    await expect(done("b")).rejects.toMatchObject({ code: "STALE_LEASE" });
    await expect(done("a", 2)).rejects.toMatchObject({ code: "STALE_LEASE" });
    expect((await row()).scan.finished).toBe(false);
  });
});

describe("the end of an upload", () => {
  const done = (agentId = "a", id = upload(0)) =>
    store.completeUpload(id, `name of ${agentId}`, (work) =>
      completed(work, { agentId, epoch: 1 }),
    );

  it("names the agent and the epoch whose result counts", async () => {
    await withPackages({ state: "planned", attempt: 1 });
    await offer(upload(0), "a");
    await done();
    expect(await store.package(at(0))).toMatchObject({ agent: "name of a", uploadEpoch: 1 });
    expect((await store.findWork(upload(0)))?.state).toBe("done");
  });

  it("is refused without the lease, and changes nothing", async () => {
    await withPackages({ state: "planned", attempt: 1 });
    await offer(upload(0), "a");
    await expect(done("b")).rejects.toMatchObject({ code: "STALE_LEASE" });
    expect(await store.package(at(0))).not.toHaveProperty("uploadEpoch");
  });

  it.each([
    ["is planned anew", { state: "planned", attempt: 2 }],
    ["waits to be planned anew", { state: "scanned", attempt: 1 }],
    ["is further on", { state: "sealed", attempt: 1 }],
    ["is recorded", { state: "recorded", attempt: 1 }],
  ] as const)("is refused when the package %s", async (_what, state) => {
    await withPackages(state);
    await offer(upload(0), "a");
    await expect(done()).rejects.toMatchObject(conflict);
    await expect(store.plannedPackage(upload(0))).rejects.toMatchObject(conflict);
    expect((await store.findWork(upload(0)))?.state).toBe("leased");
  });
});

describe("moving a package on", () => {
  const STEPS = PACKAGE_STATES.slice(1);
  const walk = async (segment: number) => {
    for (const state of STEPS) await store.advance(at(segment), state);
  };

  it("counts every stage once", async () => {
    await withPackages({}, {});
    await walk(0);
    const amount = { items: 1, bytes: 10 };
    expect(await row()).toMatchObject({
      ...{ packaged: amount, uploaded: amount, imported: amount, recorded: 1 },
    });
    expect((await store.package(at(0))).counted).toBe(4);
  });

  it("counts once when many try at once, and when it is tried again", async () => {
    await withPackages(...Array.from({ length: 6 }, () => ({})));
    for (const state of STEPS)
      await Promise.all(
        [0, 1, 2, 3, 4, 5].flatMap((segment) => [
          store.advance(at(segment), state, (_pkg, value) => {
            value.migrated.items++;
          }),
          store.advance(at(segment), state, (_pkg, value) => {
            value.migrated.items++;
          }),
        ]),
      );
    const amount = { items: 6, bytes: 60 };
    expect(await row()).toMatchObject({
      ...{ packaged: amount, uploaded: amount, imported: amount, recorded: 6 },
      // One per package and step, although each step was asked for twice.
      migrated: { items: 6 * STEPS.length },
    });
  });

  it("does not count the stages of a first attempt again in the second", async () => {
    await withPackages({});
    for (const state of STEPS.slice(0, 3)) await store.advance(at(0), state);
    await store.advance(at(0), "scanned");
    await walk(0);
    expect(await row()).toMatchObject({
      packaged: { items: 1 },
      uploaded: { items: 1 },
      recorded: 1,
    });
  });

  it("refuses what is not next, and says so", async () => {
    await withPackages({});
    await expect(store.advance(at(0), "importing")).rejects.toThrow(
      "package 0 is scanned and cannot become importing",
    );
    await expect(store.advance(at(7), "planned")).rejects.toThrow("package 7 has no row");
  });

  it("is for the round's run only", async () => {
    await withPackages({});
    await expect(store.advance({ ...at(0), run: "run999" }, "planned")).rejects.toMatchObject(
      conflict,
    );
    expect((await store.package(at(0))).state).toBe("scanned");
  });
});

describe("taking segments", () => {
  const take = (lane: number, sequence: number, run = ref.run) =>
    store.takeSegment({ ...ref, run }, { number: lane, sequence, instance: `lane${lane}` });

  it("gives each to one lane, however many ask at once", async () => {
    await withPackages(...Array.from({ length: 24 }, () => ({})));
    const lanes = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (lane) => {
        const mine: number[] = [];
        for (let sequence = 0; ; sequence++) {
          const taken = await take(lane, sequence);
          if (typeof taken === "string") return mine;
          mine.push(taken.segment);
        }
      }),
    );
    const all = lanes.flat().sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 24 }, (_, n) => n));
  });

  it("answers a repeated request with the same segment", async () => {
    await withPackages({}, {}, {});
    const asked = await Promise.all([take(0, 0), take(0, 0), take(1, 0), take(0, 0)]);
    const [first, again, otherLane, third] = asked;
    expect([again, third]).toEqual([first, first]);
    expect(otherLane).not.toEqual(first);
    expect(await take(0, 1)).toEqual({ segment: 2 });
    expect(await take(0, 1)).toEqual({ segment: 2 });
    expect(await take(1, 1)).toBe("done");
  });

  it("passes over what is recorded, also over many pages of it", async () => {
    const recorded = { state: "recorded" as const };
    await withPackages(...Array.from({ length: 120 }, () => recorded), {}, recorded, {});
    expect(await take(0, 0)).toEqual({ segment: 120 });
    expect(await take(1, 0)).toEqual({ segment: 122 });
    expect(await take(2, 0)).toBe("done");
  });

  it("waits while the scan goes on, and says which lanes do", async () => {
    await offer(scan(), "a");
    expect(await take(0, 0)).toBe("wait");
    expect(await store.listLanes(ref.taskId, 0)).toEqual([
      { run: ref.run, sequence: 0, instance: "lane0" },
    ]);
    await register(1);
    expect(await take(0, 0)).toEqual({ segment: 0 });
    expect(await take(1, 0)).toBe("wait");
    await store.completeScan(scan(), { totalSegments: 1 }, (work) =>
      completed(work, { agentId: "a", epoch: 1 }),
    );
    expect(await take(1, 0)).toBe("done");
  });

  it("gives segments that come while lanes ask to one lane each", async () => {
    await offer(scan(), "a");
    const registering = (async () => {
      for (let count = 1; count <= 12; count++) await register(count);
    })();
    const lanes = [0, 1, 2].map(async (lane) => {
      const mine: number[] = [];
      for (let sequence = 0; mine.length < 4; ) {
        const taken = await take(lane, sequence);
        if (typeof taken === "string") continue;
        mine.push(taken.segment);
        sequence++;
      }
      return mine;
    });
    const all = (await Promise.all(lanes)).flat().sort((a, b) => a - b);
    await registering;
    expect(all).toEqual(Array.from({ length: 12 }, (_, n) => n));
  });

  it("starts over for a new run, and is refused to the old one", async () => {
    await withPackages({}, {});
    expect(await take(0, 0)).toEqual({ segment: 0 });
    await store.change(ref.taskId, 0, (value) => ({ ...value, run: "run999", nextSegment: 0 }));
    await expect(take(0, 1)).rejects.toMatchObject(conflict);
    expect(await take(0, 0, "run999")).toEqual({ segment: 0 });
  });
});

describe("mending", () => {
  it("replaces and removes packages, many at a time", async () => {
    await store.mendPackages(
      ref,
      Array.from({ length: 150 }, (_, segment) => ({ segment, value: pkg(segment) })),
    );
    await store.mendPackages(ref, [
      { segment: 0, value: pkg(0, { attempt: 3 }) },
      ...Array.from({ length: 148 }, (_, n) => ({ segment: n + 2 })),
    ]);
    expect(await packages()).toEqual([0, 1]);
    expect((await store.package(at(0))).attempt).toBe(3);
  });

  it("is refused to another run, and once the round is open", async () => {
    const change = [{ segment: 0, value: pkg(0) }];
    await expect(store.mendPackages(other(), change)).rejects.toMatchObject(conflict);
    await store.openRound(ref, (value) => ({ ...value, target: target() }));
    await expect(store.mendPackages(ref, change)).rejects.toThrow("is open already");
    await expect(store.openRound(ref, (value) => value)).rejects.toThrow("is open already");
    expect(await packages()).toEqual([]);
  });
});

describe("ids of work items", () => {
  const some = { taskId: "sess0000-task0000", round: 12, run: "run000" };

  it("say everything that is needed to find the item", () => {
    for (const id of [
      workId(some, { kind: "scan" }),
      workId(some, { kind: "upload", segment: 7, attempt: 2 }),
    ])
      expect(parseWorkId(id.text)).toEqual(id);
  });

  it("take nothing of what they are made from along", () => {
    const id = workId({ ...some, issue: "x" } as typeof some, { kind: "scan" });
    expect(Object.keys(id).sort()).toEqual(["kind", "round", "run", "taskId", "text"]);
  });

  it("are short enough for instances and messages", () => {
    const long = workId(
      { ...some, round: 99_999 },
      { kind: "upload", segment: 999_999, attempt: 99 },
    );
    expect(`${long.text}:99`.length).toBeLessThanOrEqual(100);
  });

  it.each([
    "",
    "x",
    "sess0000-task0000.R0.run000",
    "sess0000-task0000.R0.run000.scan.1",
    "sess0000-task0000.R00.run000.scan",
    "sess0000-task0000.R0.run000.upload.7.1",
    "sess0000-task0000.R0.run000.upload.000007",
    "sess0000.R0.run000.scan",
    "sess0000-task0000.R0.run000.scan\n",
    "a'b-task0000.R0.run000.scan",
  ])("%j is none", (text) => expect(parseWorkId(text)).toBeUndefined());
});

describe("a round that is erased", () => {
  it("leaves nothing, and no other round is touched", async () => {
    await withPackages(...Array.from({ length: 250 }, () => ({})));
    await store.insert(round({ taskId: ref.taskId, number: 1 }));
    await store.erase(ref.taskId, 0);
    expect(await store.find(ref.taskId, 0)).toBeUndefined();
    expect(await packages()).toEqual([]);
    expect(await store.find(ref.taskId, 1)).toBeDefined();
    await store.erase(ref.taskId, 0);
  });
});
