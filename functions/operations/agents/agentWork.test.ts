import { describe, expect, it } from "@jest/globals";
import type { Issue } from "../../../shared/contracts/inventory.ts";
import {
  a,
  app,
  at,
  b,
  check,
  claim,
  complete,
  expire,
  named,
  noted,
  plan,
  ref,
  row,
  scan,
  scanned,
  upload,
  uploaded,
  work,
} from "../../../test/support/agentsAtWork.ts";
import type { NotedClient } from "../../../test/support/durable-client.ts";
import type { WorkId } from "../../stores/rounds/refs.ts";
import { readUpload } from "../../stores/rounds/roundBlobs.ts";
import { stopRound } from "../rounds/stopRound.ts";
import { completeWork, failWork, heartbeat, releaseWork } from "./agentWork.ts";

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
