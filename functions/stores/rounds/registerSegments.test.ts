import { beforeEach, describe, expect, it } from "@jest/globals";
import { pkg } from "../../../test/support/records.ts";
import {
  at,
  offer,
  packages,
  ref,
  register,
  row,
  scan,
  store,
  useRounds,
} from "../../../test/support/roundStore.ts";
import { completed } from "../../domain/agents/workItems.ts";
import { MAX_PACKAGES_PER_WRITE } from "./roundRows.ts";

useRounds();

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
