import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Issue } from "../../../shared/contracts/inventory.ts";
import {
  at,
  conflict,
  offer,
  register,
  row,
  scan,
  store,
  upload,
  useRounds,
  withPackages,
} from "../../../test/support/roundStore.ts";
import { completed } from "../../domain/agents/workItems.ts";

useRounds();

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
