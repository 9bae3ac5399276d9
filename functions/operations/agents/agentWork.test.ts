import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Issue } from "../../../shared/contracts/inventory.ts";
import type { UploadResult } from "../../../shared/contracts/work.ts";
import { type NotedClient, noteClient } from "../../../test/support/durable-client.ts";
import {
  agent,
  file,
  folder,
  pkg,
  planInput,
  round,
  summaryOf,
  target,
  task,
} from "../../../test/support/records.ts";
import { controlPlane } from "../../../test/support/suite.ts";
import { planSegment } from "../../domain/plan.ts";
import type { AgentRecord, RoundRecord, WorkRecord } from "../../domain/records.ts";
import { expired } from "../../domain/workItems.ts";
import { KEY_LIFETIME_MS } from "../../security/contentKeys.ts";
import {
  type PackageRef,
  type ScanId,
  type UploadId,
  type WorkId,
  workId,
} from "../../stores/refs.ts";
import { readUpload, writePlan } from "../../stores/roundBlobs.ts";
import { stopRound } from "../rounds/stopRound.ts";
import { claimWork, completeWork, failWork, heartbeat, releaseWork } from "./agentWork.ts";

const { app } = controlPlane();
let noted: NotedClient;
let ref: { taskId: string; round: number; run: string };
let tests = 0;

const named = (name: string, group = "default") =>
  agent(`agent0000${name}`, { name: `name of ${name}`, group });
const [a, b] = [named("a"), named("b")];
const entries = [folder("d"), file("d/f"), file("d/g", { size: 20 }), file("d/x:")];
const scan = () => workId(ref, { kind: "scan" }) as ScanId;
const upload = (attempt = 1) => workId(ref, { kind: "upload", segment: 0, attempt }) as UploadId;
const at = (): PackageRef => ({ ...ref, segment: 0 });
const work = async (id: WorkId) => (await app.rounds.findWork(id)) as WorkRecord;
const row = async () =>
  (await app.rounds.find(ref.taskId, 0)) as NonNullable<
    Awaited<ReturnType<typeof app.rounds.find>>
  >;

async function offer(id: WorkId): Promise<void> {
  await app.rounds.insertWork({
    ...{ id: id.text, kind: id.kind, taskId: ref.taskId, round: 0, run: id.run },
    ...{ group: "default", instance: `waits for ${id.kind}`, state: "queued", epoch: 1, lost: 0 },
    ...{ offeredAt: "now", progress: { items: 0, bytes: 0 } },
  });
}
/** What the check for expired leases does. */
const expire = (id: WorkId) => app.rounds.changeWork(id, expired);
const claim = (id: WorkId, who = a, epoch = 1) => claimWork(app, noted.client, who, id.text, epoch);
const complete = (
  id: WorkId,
  result: Parameters<typeof completeWork>[4]["result"],
  who = a,
  epoch = 1,
) => completeWork(app, noted.client, who, id.text, { epoch, result });

/** Late: Jest 30 cannot require() CommonJS, as durable-functions is, while it links the modules that import it. */
const check = async (id: WorkId) => {
  const { checkWork } = await import("../../activities/checkWork.ts");
  return checkWork.run({ workItem: id.text }, app);
};

/** A round with one planned package and a work item for its upload, and another for the scan. */
beforeEach(async () => {
  noted = noteClient();
  ref = { taskId: `sess0000-agw${++tests}`, round: 0, run: "run000" };
  const inventoryContainer = `inventory-${randomUUID()}`;
  await app.stateBlobs.createContainer(inventoryContainer);
  await app.tasks.insert(task({ id: ref.taskId, source: "/srv/finance" }));
  await app.rounds.insert(round({ taskId: ref.taskId, inventoryContainer }));
  await plan();
  await app.rounds.openRound(ref, (value) => ({ ...value, target: target() }));
  await Promise.all([offer(scan()), offer(upload())]);
});

async function plan(attempt = 1, createdAt = Date.now()): Promise<void> {
  const made = planSegment(planInput({ entries }));
  await writePlan(app.state.plans, at(), attempt, made);
  const containers = { data: `data-${randomUUID()}`, manifest: `manifest-${randomUUID()}` };
  await app.packageBlobs.createContainer(containers.data);
  const key = await app.keys.create(createdAt);
  const value = pkg(0, {
    ...{ summary: summaryOf(0, entries), state: "planned", attempt, counted: 1 },
    ...{ files: 2, folders: 1, containers, key },
  });
  const { target: opened } = await row();
  if (!opened) await app.rounds.mendPackages(ref, [{ segment: 0, value }]);
  else {
    await app.rounds.advance(at(), "scanned", (found) => {
      found.attempt = attempt;
    });
    await app.rounds.advance(at(), "planned", (found) => Object.assign(found, value));
  }
}

const uploaded = (size = 10): UploadResult => ({
  ...{ kind: "upload", archives: [] },
  files: [1, 2].map((index) => ({
    ...{ status: "uploaded" as const, index, size, modified: 0, blob: `${index}.dat` },
    ...{ iv: "aXY=", md5: "bWQ1" },
  })),
});
const scanned = (segments: number, from = 0, total = segments) => ({
  kind: "scan" as const,
  segments: Array.from({ length: segments - from }, (_, n) =>
    summaryOf(from + n, [file(`f${from + n}`)]),
  ),
  totalSegments: total,
});

const set = (settings: Partial<RoundRecord["settings"]>) =>
  app.rounds.updateRound(ref, (value) => ({
    ...value,
    settings: { ...value.settings, ...settings },
  }));

describe("claiming an upload", () => {
  it("names the older versions of each file, and where the task says that they are", async () => {
    const versions = [{ snapshot: "daily", size: 3, modified: 1 }];
    const made = planSegment(planInput({ entries: [file("a", { versions }), file("b")] }));
    await writePlan(app.state.plans, at(), 1, made);
    await set({ snapshotFolder: ".snapshot/*" });
    const { size, modified } = file("");
    expect(await claim(upload())).toMatchObject({
      spec: {
        snapshotFolder: ".snapshot/*",
        files: [
          { index: 0, path: "a", size, modified, versions },
          { index: 1, path: "b", size, modified },
        ],
      },
    });
  });

  it("gives what the agent needs: the files, a place to write, and the key", async () => {
    const answer = await claim(upload());
    if (answer.status !== "granted" || answer.spec.kind !== "upload")
      throw new Error("not granted");
    const { spec, epoch, leaseSeconds } = answer;
    expect({ epoch, leaseSeconds }).toEqual({ epoch: 1, leaseSeconds: 90 });
    expect(spec.files).toEqual([
      { index: 1, path: "d/f", size: 10, modified: entries[1]?.modified },
      { index: 2, path: "d/g", size: 20, modified: entries[2]?.modified },
    ]);
    const { containers, key } = await app.rounds.package(at());
    expect(spec.containerUrl).toContain(`/${containers?.data}?`);
    const content = await app.keys.unwrap(key as NonNullable<typeof key>, Date.now(), at());
    expect(spec.contentKey).toBe(content.toString("base64"));
    expect(await work(upload())).toMatchObject({ state: "leased", agentId: a.id });
  });

  it("may be repeated by the same agent, and is refused to another", async () => {
    await claim(upload());
    expect((await claim(upload())).status).toBe("granted");
    expect((await claim(upload(), b)).status).toBe("gone");
  });

  it("by all at once grants it to one", async () => {
    const agents = ["a", "b", "c", "d", "e"].map((name) => named(name));
    const answers = await Promise.all(agents.map((who) => claim(upload(), who)));
    expect(answers.filter(({ status }) => status === "granted")).toHaveLength(1);
  });

  it("is refused to an agent of another group", async () => {
    const moved = { status: "gone", moved: true };
    expect(await claim(upload(), named("p", "paris"))).toMatchObject(moved);
    expect((await work(upload())).state).toBe("queued");
    // Its message is not to come again when there is nothing to do any more.
    await claim(upload());
    expect(await claim(upload(), named("p", "paris"))).not.toHaveProperty("moved");
  });

  it.each([
    ["what is no work item", "nonsense"],
    ["a work item that nobody offered", "sess0000-none.R0.run000.scan"],
  ])("finds %s gone", async (_what, text) => {
    const answer = await claimWork(app, noted.client, a, text, 1);
    expect(answer.status).toBe("gone");
  });

  it("finds it gone under a run that is over", async () => {
    await app.rounds.change(ref.taskId, 0, (value) => ({ ...value, run: "run999" }));
    expect(await claim(upload())).toEqual({ status: "gone", reason: "the round is over" });
  });

  it("finds it gone when the package has been planned anew: the spec would be that of another attempt", async () => {
    await plan(2);
    expect((await claim(upload(1))).status).toBe("gone");
    expect(await work(upload(1))).toMatchObject({ state: "failed", issue: { code: "CONFLICT" } });
    await offer(upload(2));
    expect((await claim(upload(2))).status).toBe("granted");
  });

  it("of a key that is older than three days fails the item, so that the package is made anew", async () => {
    await plan(2, Date.now() - KEY_LIFETIME_MS - 1);
    await offer(upload(2));
    expect(await claim(upload(2))).toMatchObject({ status: "gone" });
    expect((await work(upload(2))).issue?.code).toBe("CONTAINER_EXPIRED");
    expect(noted.raised).toEqual([{ instance: "waits for upload", event: "finished" }]);
  });
});

describe("claiming a scan", () => {
  it("gives the source, a place to write, and a prefix that belongs to the lease", async () => {
    const answer = await claim(scan());
    if (answer.status !== "granted" || answer.spec.kind !== "scan") throw new Error("not granted");
    expect(answer.spec).toMatchObject({
      ...{ source: "/srv/finance", blobPrefix: "run000-e1" },
      ...{ segmentItems: 250, segmentBytes: 250_000_000 },
    });
    expect(answer.spec).not.toHaveProperty("resume");
    expect(answer.spec.containerUrl).toContain((await row()).inventoryContainer);
  });

  it("asks for older versions of files when the task does", async () => {
    await set({ fileVersions: 3 });
    const first = await claim(scan());
    expect(first).toMatchObject({ spec: { versions: { keep: 3 } } });
    await set({ snapshotFolder: ".snapshots/*/snapshot" });
    expect(await claim(scan())).toMatchObject({
      spec: { versions: { keep: 3, folder: ".snapshots/*/snapshot" } },
    });
    await set({ fileVersions: 0 });
    expect(await claim(scan())).not.toHaveProperty("spec.versions");
  });

  it("goes on where the last lease got to, under another prefix", async () => {
    await app.rounds.updateRound(ref, (value) => ({
      ...value,
      scan: { ...value.scan, segments: 3, lastPath: "f2" },
    }));
    await claim(scan());
    await expire(scan());
    const answer = await claim(scan(), b, 2);
    if (answer.status !== "granted" || answer.spec.kind !== "scan") throw new Error("not granted");
    expect(answer.spec).toMatchObject({
      ...{ blobPrefix: "run000-e2", resume: { after: "f2", segment: 3 } },
    });
  });
});

describe("a heartbeat", () => {
  const beat = (who: AgentRecord, ...reports: Parameters<typeof heartbeat>[3]["work"]) =>
    heartbeat(app, noted.client, who, { slots: 2, work: reports });
  const report = (id: WorkId, epoch = 1, more: object = {}) => ({
    ...{ workItem: id.text, epoch, items: 5, bytes: 50, ...more },
  });

  it("renews every lease of the agent, with its progress, and stops the rest", async () => {
    await Promise.all([claim(upload()), claim(scan(), b)]);
    const { work: verdicts, heartbeatSeconds } = await beat(
      a,
      report(upload()),
      report(scan()),
      report(upload(), 2),
      { workItem: "nonsense", epoch: 1, items: 0, bytes: 0 },
    );
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["continue", "stop", "stop", "stop"]);
    expect(verdicts.map(({ workItem }) => workItem)).toEqual([
      ...[upload().text, scan().text, upload().text, "nonsense"],
    ]);
    expect((await work(upload())).progress).toEqual({ items: 5, bytes: 50 });
    expect(heartbeatSeconds).toBe(10);
  });

  it("is how the control plane knows that the agent is there", async () => {
    await app.agents.insert({ ...a, lastSeenAt: new Date(0).toISOString() });
    const before = Date.now();
    await beat(a, report(upload()));
    const seen = await app.agents.find(a.id);
    expect(seen).toMatchObject({ slots: 2, busy: 1 });
    expect(Date.parse(seen?.lastSeenAt as string)).toBeGreaterThanOrEqual(before);
  });

  it("brings segments, and wakes the lanes that wait for one", async () => {
    await claim(scan());
    for (const number of [0, 1, 2])
      await app.rounds.takeSegment(ref, { number, sequence: 0, instance: `lane${number}` });
    const { segments } = scanned(4, 1);
    await beat(a, report(scan(), 1, { segments }));
    expect((await row()).scan.segments).toBe(0);
    // Segment 0 came with the package above, so the scan of this round begins there.
    await beat(a, report(scan(), 1, { segments: scanned(3).segments }));
    expect((await row()).scan).toMatchObject({ segments: 3, lastPath: "f2" });
    expect(noted.raised.map(({ instance }) => instance)).toContain("lane1");
    expect(noted.raised.map(({ event }) => event)).not.toContain("finished");
  });

  it("brings nothing when the lease is another's by now", async () => {
    await claim(scan());
    await expire(scan());
    await claim(scan(), b, 2);
    const { work: verdicts } = await beat(a, report(scan(), 1, scanned(2)));
    expect(verdicts[0]?.verdict).toBe("stop");
    expect((await row()).scan.segments).toBe(0);
    expect((await beat(b, report(scan(), 2, scanned(2)))).work[0]?.verdict).toBe("continue");
    expect((await row()).scan.segments).toBe(2);
  });

  it("stops everything when another run has taken over", async () => {
    await Promise.all([claim(upload()), claim(scan())]);
    await app.rounds.change(ref.taskId, 0, (value) => ({ ...value, run: "run999" }));
    const { work: verdicts } = await beat(a, report(upload()), report(scan(), 1, scanned(1)));
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["stop", "stop"]);
  });
});

describe("completing an upload", () => {
  it("stores the result, and tells who waits", async () => {
    await claim(upload());
    await complete(upload(), uploaded());
    const found = await app.rounds.package(at());
    expect(found).toMatchObject({ state: "planned", agent: "name of a", uploadEpoch: 1 });
    expect(await readUpload(app.state.plans, at(), found)).toEqual(uploaded());
    expect((await work(upload())).state).toBe("done");
    expect(noted.raised).toEqual([{ instance: "waits for upload", event: "finished" }]);
  });

  it("may be repeated when the answer was lost; the first result stays", async () => {
    await claim(upload());
    await complete(upload(), uploaded(10));
    await complete(upload(), uploaded(99));
    const found = await app.rounds.package(at());
    expect(await readUpload(app.state.plans, at(), found)).toEqual(uploaded(10));
  });

  it("is refused after the lease was lost, and the later agent's result counts", async () => {
    await claim(upload());
    await expire(upload());
    await expect(complete(upload(), uploaded(1))).rejects.toMatchObject({ code: "STALE_LEASE" });
    await claim(upload(), b, 2);
    await complete(upload(), uploaded(2), b, 2);
    await expect(complete(upload(), uploaded(1))).rejects.toMatchObject({ code: "STALE_LEASE" });
    const found = await app.rounds.package(at());
    expect(found).toMatchObject({ agent: "name of b", uploadEpoch: 2 });
    expect(await readUpload(app.state.plans, at(), found)).toEqual(uploaded(2));
  });

  it("is refused when the package was planned anew meanwhile", async () => {
    await claim(upload());
    await plan(2);
    await expect(complete(upload(), uploaded())).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await app.rounds.package(at())).not.toHaveProperty("uploadEpoch");
  });

  it("is refused with a result that does not fit the plan", async () => {
    await claim(upload());
    const partial = { ...uploaded(), files: uploaded().files.slice(1) };
    await expect(complete(upload(), partial)).rejects.toMatchObject({ code: "BAD_REQUEST" });
    await expect(complete(upload(), scanned(1))).rejects.toMatchObject({ code: "BAD_REQUEST" });
    expect((await work(upload())).state).toBe("leased");
  });
});

describe("completing a scan", () => {
  it("registers what no heartbeat has, ends the scan, and wakes who waits", async () => {
    await claim(scan());
    await app.rounds.registerSegments(scan(), scanned(1).segments, a.name, (found) => found);
    await app.rounds.takeSegment(ref, { number: 0, sequence: 0, instance: "lane0" });
    await app.rounds.takeSegment(ref, { number: 1, sequence: 0, instance: "lane1" });
    await complete(scan(), scanned(3, 1));
    expect((await row()).scan).toMatchObject({ segments: 3, finished: true });
    expect(noted.raised).toEqual([
      { instance: "lane1", event: "segments" },
      { instance: "waits for scan", event: "finished" },
    ]);
  });

  it("may be repeated", async () => {
    await claim(scan());
    await complete(scan(), scanned(2));
    await complete(scan(), scanned(2));
    expect((await row()).scan).toMatchObject({ segments: 2, items: 2, finished: true });
  });

  it("notes what is wrong with the source as a whole", async () => {
    const warnings: Issue[] = [{ code: "NO_SNAPSHOTS", message: "no .snapshot" }];
    await claim(scan());
    await complete(scan(), { ...scanned(1), warnings });
    expect((await row()).warnings).toEqual(warnings);
  });

  it("of an empty source has no segments", async () => {
    await claim(scan());
    await complete(scan(), scanned(0));
    expect((await row()).scan).toMatchObject({ segments: 0, finished: true });
  });

  it("is refused while segments are missing", async () => {
    await claim(scan());
    await expect(complete(scan(), scanned(2, 1))).rejects.toMatchObject({ code: "CONFLICT" });
    expect((await row()).scan.finished).toBe(false);
    expect((await work(scan())).state).toBe("leased");
  });

  it("is refused after the lease was lost", async () => {
    await claim(scan());
    await expire(scan());
    await expect(complete(scan(), scanned(2))).rejects.toMatchObject({ code: "STALE_LEASE" });
    expect((await row()).scan.segments).toBe(0);
  });
});

describe("failing and releasing", () => {
  const issue = { code: "SOURCE_NOT_FOUND" as const, message: "no such folder" };

  it("ends the item with the agent's reason", async () => {
    await claim(scan());
    await failWork(app, noted.client, a, scan().text, { epoch: 1, issue });
    expect(await work(scan())).toMatchObject({ state: "failed", issue });
    expect(noted.raised).toEqual([{ instance: "waits for scan", event: "finished" }]);
  });

  it("offers a released item again, under the next epoch", async () => {
    await app.messages();
    await claim(upload());
    await releaseWork(app, noted.client, a, upload().text, 1);
    expect(await work(upload())).toMatchObject({ state: "queued", epoch: 2, lost: 0 });
    expect(await app.messages()).toEqual([{ version: 1, workItem: upload().text, epoch: 2 }]);
    expect((await claim(upload(), b, 2)).status).toBe("granted");
  });

  it("is refused without the lease", async () => {
    await claim(upload());
    const stale = { code: "STALE_LEASE" };
    await expect(
      failWork(app, noted.client, b, upload().text, { epoch: 1, issue }),
    ).rejects.toMatchObject(stale);
    await expect(releaseWork(app, noted.client, b, upload().text, 1)).rejects.toMatchObject(stale);
    await expect(releaseWork(app, noted.client, a, upload().text, 2)).rejects.toMatchObject(stale);
  });

  it.each(["nonsense", "sess0000-none.R0.run000.scan"])("of %s finds nothing", async (text) => {
    const none = { code: "NOT_FOUND" };
    await expect(failWork(app, noted.client, a, text, { epoch: 1, issue })).rejects.toMatchObject(
      none,
    );
    await expect(releaseWork(app, noted.client, a, text, 1)).rejects.toMatchObject(none);
    await expect(
      completeWork(app, noted.client, a, text, { epoch: 1, result: scanned(0) }),
    ).rejects.toMatchObject(none);
  });
});

describe("a round that is to stop", () => {
  const beat = async (id: WorkId) => {
    const report = { workItem: id.text, epoch: 1, items: 1, bytes: 1 };
    const { work: verdicts } = await heartbeat(app, noted.client, a, { slots: 2, work: [report] });
    return verdicts[0]?.verdict;
  };
  const stop = async (wish: "pause" | "cancel") =>
    stopRound(app, noted.client, { ...(await row()) }, wish);

  it("hands out nothing any more", async () => {
    await stop("pause");
    expect(await claim(upload())).toMatchObject({ status: "gone", reason: "the round is to stop" });
  });

  it("lets an agent finish the file in hand when it pauses, and takes the item back for good", async () => {
    await claim(upload());
    await stop("pause");
    expect(await beat(upload())).toBe("yield");
    expect(await work(upload())).toMatchObject({ state: "leased", progress: { items: 1 } });
    await app.messages();
    await releaseWork(app, noted.client, a, upload().text, 1);
    expect((await work(upload())).state).toBe("cancelled");
    expect(await app.messages()).toEqual([]);
    expect(noted.raised).toContainEqual({ instance: "waits for upload", event: "finished" });
  });

  it("takes what an agent has finished instead", async () => {
    await claim(upload());
    await stop("pause");
    await complete(upload(), uploaded());
    expect((await work(upload())).state).toBe("done");
    expect((await app.rounds.package(at())).uploadEpoch).toBe(1);
  });

  it("registers what a scan has found before it yields", async () => {
    await claim(scan());
    await stop("pause");
    const segments = scanned(2, 1).segments;
    const report = { workItem: scan().text, epoch: 1, items: 1, bytes: 1, segments };
    const first = { ...report, segments: scanned(1).segments };
    for (const work of [first, report])
      expect(await heartbeat(app, noted.client, a, { slots: 2, work: [work] })).toMatchObject({
        work: [{ verdict: "yield" }],
      });
    expect((await row()).scan.segments).toBe(2);
  });

  it("is dropped at once when it is cancelled", async () => {
    await claim(upload());
    await stop("cancel");
    expect(await beat(upload())).toBe("stop");
    expect(await check(upload())).toEqual({
      ...{ over: true, interrupted: true },
    });
    await expect(complete(upload(), uploaded())).rejects.toMatchObject({ code: "STALE_LEASE" });
  });

  it("waits for leases when it pauses, and for nobody who is gone", async () => {
    await claim(upload());
    await stop("pause");
    expect(await check(scan())).toMatchObject({ interrupted: true });
    expect(await check(upload())).toEqual({ over: false });
    await app.rounds.changeWork(upload(), (found) => ({
      ...found,
      leaseUntil: new Date(0).toISOString(),
    }));
    expect(await check(upload())).toMatchObject({
      ...{ over: true, interrupted: true },
    });
  });
});

describe("an orchestration that cannot be told", () => {
  it("does not keep the agent from being done", async () => {
    await claim(upload());
    const deaf = {
      raiseEvent: () => Promise.reject(new Error("no such instance")),
    } as unknown as NotedClient["client"];
    await completeWork(app, deaf, a, upload().text, { epoch: 1, result: uploaded() });
    expect((await work(upload())).state).toBe("done");
  });
});

describe("a round that another agent group goes on with", () => {
  const inParis = () =>
    app.rounds.change(ref.taskId, 0, (value) => ({ ...value, agentGroup: "paris" }));

  it("offers what waits to that group, and whoever was told of it in the old one comes too late", async () => {
    await inParis();
    await check(scan());
    expect(await work(scan())).toMatchObject({ state: "queued", group: "paris", epoch: 2 });
    expect(await app.messages("work-paris")).toContainEqual({
      ...{ version: 1, workItem: scan().text, epoch: 2 },
    });
    expect(await claim(scan())).toMatchObject({ status: "gone" });
    expect(await claim(scan(), named("c", "paris"), 2)).toMatchObject({ status: "granted" });
    // Nothing moves a second time.
    await check(upload());
    await check(upload());
    expect(await work(upload())).toMatchObject({ group: "paris", epoch: 2 });
  });

  it("lets who has a lease finish, and gives the other group what he loses", async () => {
    await claim(upload());
    await inParis();
    await check(upload());
    expect(await work(upload())).toMatchObject({ state: "leased", group: "default", epoch: 1 });
    await app.rounds.changeWork(upload(), (value) => ({ ...value, leaseUntil: "2020-01-01" }));
    await check(upload());
    const { state, group, lost, epoch } = await work(upload());
    expect({ state, group, lost }).toEqual({ state: "queued", group: "paris", lost: 1 });
    expect(await claim(upload(), named("c", "paris"), epoch)).toMatchObject({ status: "granted" });
  });
});
