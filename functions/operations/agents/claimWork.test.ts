import { describe, expect, it } from "@jest/globals";
import {
  a,
  app,
  at,
  b,
  claim,
  entries,
  expire,
  named,
  noted,
  offer,
  plan,
  ref,
  row,
  scan,
  scanned,
  set,
  upload,
  work,
} from "../../../test/support/agentsAtWork.ts";
import { file, planInput } from "../../../test/support/records.ts";
import { planSegment } from "../../domain/packages/plan.ts";
import type { AgentRecord } from "../../domain/records.ts";
import { KEY_LIFETIME_MS } from "../../security/contentKeys.ts";
import type { WorkId } from "../../stores/rounds/refs.ts";
import { writePlan } from "../../stores/rounds/roundBlobs.ts";
import { claimWork, heartbeat } from "./agentWork.ts";

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

  describe("of a source that the agent may not read", () => {
    const elsewhere = { ...a, sourceRoots: ["/srv/fin"] };
    const here = { ...b, sourceRoots: ["/srv/finance/"], lastSeenAt: new Date().toISOString() };
    const enrol = async (...agents: AgentRecord[]) => {
      for (const each of await Array.fromAsync(app.agents.list())) await app.agents.remove(each.id);
      for (const each of agents) await app.agents.insert(each);
    };

    it("leaves it to one of the group that may, who is told a little later", async () => {
      await enrol(elsewhere, here);
      expect(await claim(upload(), elsewhere)).toEqual({
        status: "gone",
        reason: "an agent of the group that may read the source is to do it",
      });
      expect(await work(upload())).toMatchObject({ state: "queued", epoch: 2, lost: 0 });
      expect(await claim(upload(), elsewhere)).toMatchObject({ status: "gone" });
      expect((await work(upload())).epoch).toBe(2);
      expect((await claim(upload(), here, 2)).status).toBe("granted");
    });

    it.each([
      ["nobody may", { sourceRoots: ["/srv"], enabled: false }],
      ["who may is in another group", { group: "paris" }],
      ["who may is not connected", { lastSeenAt: "2024-01-01T00:00:00Z" }],
      ["the others may not either", { sourceRoots: ["/srv/other"] }],
    ])("is granted when %s, so that the task says what is wrong", async (_when, other) => {
      await enrol(elsewhere, { ...here, ...other });
      expect((await claim(upload(), elsewhere)).status).toBe("granted");
    });
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
