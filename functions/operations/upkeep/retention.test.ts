import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { pkg, round } from "../../../test/support/records.ts";
import { controlPlane } from "../../../test/support/suite.ts";
import { isOverdue, type StoredContainer } from "../../domain/packages/retention.ts";
import type { PackageRecord } from "../../domain/records.ts";
import { applyRetention } from "./retention.ts";

const DAY = 24 * 3_600_000;
const NOW = Date.UTC(2026, 5, 1);
const limits = { contentDays: 10, containerDays: 40 };
const container = (kind: "d" | "m", age: number): StoredContainer => ({
  ...{ name: `c-${kind}`, taskId: "sess0000-task0000", round: 0, segment: 0 },
  createdAt: NOW - age * DAY,
});
const row = (state: PackageRecord["state"], more: Partial<PackageRecord> = {}) =>
  pkg(0, { state, containers: { data: "c-d", manifest: "c-m" }, ...more });
const recorded = (age: number) =>
  row("recorded", { recordedAt: new Date(NOW - age * DAY).toISOString() });

describe("a container has had its time", () => {
  it.each([
    ["contents, recorded long enough ago", "d", 12, recorded(10), true],
    ["contents, recorded less long ago than made", "d", 12, recorded(9), false],
    ["manifests, which stay longer", "m", 30, recorded(29), false],
    ["manifests, at last", "m", 41, recorded(40), true],
    ["contents of nobody", "d", 10, undefined, true],
    ["contents of nobody that may still become somebody's", "d", 9, undefined, false],
    [
      "contents of an earlier attempt",
      "d",
      11,
      row("importing", { containers: { data: "x", manifest: "y" } }),
      true,
    ],
    [
      "contents of a job that was forgotten, which no SAS opens any more",
      "d",
      11,
      row("importing"),
      true,
    ],
  ] as const)("%s", (_what, kind, age, value, overdue) => {
    expect(isOverdue(container(kind, age), value, limits, NOW)).toBe(overdue);
  });

  it("not while its package is in use", () => {
    const early = { contentDays: 4, containerDays: 30 };
    expect(isOverdue(container("d", 6), row("importing"), early, NOW)).toBe(false);
    expect(isOverdue(container("d", 6), recorded(5), early, NOW)).toBe(true);
  });
});

describe("retention", () => {
  const { app } = controlPlane();
  let task: string;
  beforeEach(() => {
    task = `sess0000-${randomUUID().slice(0, 8)}`;
  });

  async function make(name: string, metadata: Record<string, string> = {}): Promise<string> {
    const about = { longshore: app.config.TABLE_PREFIX, task, round: "0", segment: "0" };
    await app.packageBlobs.createContainer(name, { metadata: { ...about, ...metadata } });
    return name;
  }
  const exists = (name: string) => app.packageBlobs.getContainerClient(name).exists();
  const inDays = (days: number) => ({ now: Date.now() + days * DAY });

  it("removes contents first and the rest later, and says so in the audit trail", async () => {
    const names = [`${task}-0-d`, `${task}-0-m`];
    for (const name of names) await make(name);
    await app.rounds.insert(round({ taskId: task }));
    expect(await applyRetention(app, { dryRun: false, ...inDays(13) })).toEqual({
      ...{ contents: 0, manifests: 0, complete: true },
    });
    await applyRetention(app, { dryRun: false, ...inDays(15) });
    expect(await Promise.all(names.map(exists))).toEqual([false, true]);
    await applyRetention(app, { dryRun: false, ...inDays(61) });
    expect(await Promise.all(names.map(exists))).toEqual([false, false]);
    const { entries } = await app.audit.page({ limit: 10, task });
    expect(entries.map(({ action, ids }) => [action, ids.container])).toEqual([
      ["removeContainer", names[1]],
      ["removeContents", names[0]],
    ]);
  });

  it("only counts in a dry run", async () => {
    const name = await make(`${task}-0-d`);
    const result = await applyRetention(app, { dryRun: true, ...inDays(20) });
    expect(result.contents).toBeGreaterThanOrEqual(1);
    expect(await exists(name)).toBe(true);
    expect((await app.audit.page({ limit: 10, task })).entries).toEqual([]);
    await app.packageBlobs.deleteContainer(name);
  });

  it("says that it has no say in what SharePoint lends", async () => {
    const lending = { ...app, config: { ...app.config, CONTAINERS: "sharepoint" as const } };
    expect(await applyRetention(lending, { dryRun: true })).toMatchObject({
      lent: "not ours to erase",
    });
  });

  it("leaves alone what is not a package of this app", async () => {
    const others = [
      await make(`${task}-1-d`, { longshore: "SomebodyElse" }),
      await make(`${task}-2-x`),
      `${task}-inventory-d`,
    ];
    await app.packageBlobs.createContainer(others[2] as string);
    await applyRetention(app, { dryRun: false, ...inDays(200) });
    expect(await Promise.all(others.map(exists))).toEqual([true, true, true]);
  });
});
