import { randomUUID } from "node:crypto";
import type { ContainerClient } from "@azure/storage-blob";
import { beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { file, pkg, round, summaryOf } from "../../../test/support/records.ts";
import { controlPlane } from "../../../test/support/suite.ts";
import { stagesReached } from "../../domain/packages/packageStates.ts";
import { PACKAGE_STATES, type PackageRecord } from "../../domain/records.ts";
import { noTotals } from "../../domain/rounds/roundTotals.ts";
import { writeOutcomes, writePlan, writeUpload } from "../../stores/rounds/roundBlobs.ts";
import { writeLines } from "../../stores/storage/lines.ts";
import { recoverRound } from "./recoverRound.ts";

const { app } = controlPlane();
let inventory: ContainerClient;
let ref: { taskId: string; round: number; run: string };
let tests = 0;

beforeEach(() => begin());

async function begin(): Promise<void> {
  ref = { taskId: `sess0000-rec${++tests}`, round: 0, run: "run000" };
  inventory = app.stateBlobs.getContainerClient(`inventory-${randomUUID()}`);
  await inventory.create();
  const { taskId } = ref;
  await app.rounds.insert(round({ taskId, inventoryContainer: inventory.containerName }));
}

/** Which of a package's things storage has kept. */
interface Kept {
  row: boolean;
  segment: boolean;
  plan: boolean;
  upload: boolean;
  outcomes: boolean;
}
const WHOLE: Kept = { row: true, segment: true, plan: true, upload: true, outcomes: true };
const amount = (items: number, bytes: number) => ({ items, bytes });

/** A package as it is in this state, with what storage has kept of it. */
async function put(
  segment: number,
  state: PackageRecord["state"],
  kept: Partial<Kept> = {},
  more: Partial<PackageRecord> = {},
): Promise<PackageRecord> {
  const has = { ...WHOLE, ...kept };
  const attempted = state !== "scanned";
  const record = pkg(segment, {
    ...{ summary: summaryOf(segment, [file(`f${segment}`)]), state },
    ...{ attempt: attempted ? 1 : 0, counted: stagesReached(state) },
    ...(attempted && { files: 1, folders: 0 }),
    ...(stagesReached(state) >= 2 && { uploadEpoch: 3 }),
    ...(state === "recorded" && {
      result: { migrated: amount(1, 10), skipped: amount(0, 0), failed: amount(0, 0) },
    }),
    ...more,
  });
  const at = { ...ref, segment };
  const empty = { kind: "upload" as const, files: [], archives: [] };
  if (has.segment) await writeLines(inventory, record.summary.blob, []);
  if (has.plan && attempted) await writePlan(app.state.plans, at, 1, { items: [], above: [] });
  if (has.upload && record.uploadEpoch) await writeUpload(app.state.plans, at, 1, 3, empty);
  if (has.outcomes && state === "recorded")
    await writeOutcomes(app.state.outcomes, ref, segment, []);
  if (has.row) await app.rounds.mendPackages(ref, [{ segment, value: record }]);
  return record;
}
const claimScanned = (segments: number, finished: boolean) =>
  app.rounds.updateRound(ref, (value) => ({
    ...value,
    scan: { ...value.scan, segments, finished },
  }));
const rows = async () =>
  (await Array.fromAsync(app.rounds.listPackages(ref.taskId, 0))).map(({ value }) => value);
const fresh = (segment: number, attempt: number): PackageRecord => ({
  ...{ summary: summaryOf(segment, [file(`f${segment}`)]), state: "scanned", attempt, counted: 0 },
});

describe("a round without packages", () => {
  it("has nothing to add up", async () => {
    expect(await recoverRound(app, ref)).toEqual(noTotals());
  });

  it("may have been scanned to its end all the same: the source was empty", async () => {
    await claimScanned(0, true);
    expect((await recoverRound(app, ref)).scan.finished).toBe(true);
  });
});

describe("what stays", () => {
  it("is what is recorded, and what SharePoint has accepted", async () => {
    const kept = [await put(0, "recorded"), await put(1, "importing"), await put(2, "imported")];
    await claimScanned(3, true);
    const totals = await recoverRound(app, ref);
    expect(await rows()).toEqual(kept);
    expect(totals).toMatchObject({
      scan: { finished: true, segments: 3, items: 3, files: 3, bytes: 30, lastPath: "f2" },
      ...{ packaged: amount(3, 30), uploaded: amount(3, 30), imported: amount(2, 20) },
      ...{ migrated: amount(1, 10), recorded: 1, nextSegment: 1 },
    });
  });

  it.each(["planned", "sealed", "submitting"] as const)(
    "is not an attempt that was cut off when %s",
    async (state) => {
      await put(0, state, {}, { job: "job" });
      await claimScanned(1, true);
      const totals = await recoverRound(app, ref);
      expect(await rows()).toEqual([fresh(0, 1)]);
      expect(totals).toMatchObject({ packaged: amount(0, 0), nextSegment: 0, recorded: 0 });
    },
  );

  it.each([
    ["a result whose outcomes are lost", "recorded", { outcomes: false }],
    ["a job whose plan is lost", "importing", { plan: false }],
    ["a job whose upload is lost", "importing", { upload: false }],
    ["an ended job whose upload is lost", "imported", { upload: false }],
  ] as const)("is not %s", async (_what, state, kept) => {
    await put(0, state, kept);
    await claimScanned(1, true);
    await recoverRound(app, ref);
    expect(await rows()).toEqual([fresh(0, 1)]);
  });

  it("is a job without files, which has no upload", async () => {
    const job = await put(0, "importing", { upload: false }, { files: 0, folders: 1 });
    const { uploadEpoch: _none, ...record } = job;
    await app.rounds.mendPackages(ref, [{ segment: 0, value: record }]);
    await claimScanned(1, true);
    await recoverRound(app, ref);
    expect(await rows()).toEqual([record]);
  });

  it("is not the upload of another epoch than the row names", async () => {
    await put(0, "importing", {}, { uploadEpoch: 4 });
    await recoverRound(app, ref);
    expect(await rows()).toEqual([fresh(0, 1)]);
  });
});

describe("the scan", () => {
  it("goes on after the last segment before a row that is missing", async () => {
    await put(0, "recorded");
    await put(1, "recorded", { row: false });
    await put(2, "recorded");
    await claimScanned(3, true);
    const totals = await recoverRound(app, ref);
    expect((await rows()).map(({ summary }) => summary.segment)).toEqual([0]);
    expect(totals.scan).toMatchObject({ finished: false, segments: 1, lastPath: "f0" });
    expect(totals).toMatchObject({ migrated: amount(1, 10), recorded: 1 });
  });

  it("goes on after the last segment before a blob that is missing", async () => {
    await put(0, "recorded");
    await put(1, "scanned", { segment: false });
    await put(2, "scanned");
    await claimScanned(3, true);
    const totals = await recoverRound(app, ref);
    expect(await rows()).toHaveLength(1);
    expect(totals.scan).toMatchObject({ finished: false, segments: 1 });
  });

  it("begins again when the first is missing", async () => {
    await put(0, "scanned", { segment: false });
    await claimScanned(1, true);
    const totals = await recoverRound(app, ref);
    expect(totals.scan).toEqual(noTotals().scan);
    expect(await rows()).toEqual([]);
  });

  it("goes on when the row of the round is older than its packages", async () => {
    await put(0, "scanned");
    await put(1, "scanned");
    await claimScanned(1, false);
    const totals = await recoverRound(app, ref);
    expect(totals.scan).toMatchObject({ finished: false, segments: 2, lastPath: "f1" });
  });
});

describe("an attempt that is given up", () => {
  const containers = async () => {
    const names = { data: `data-${randomUUID()}`, manifest: `manifest-${randomUUID()}` };
    await app.packageBlobs.createContainer(names.data);
    await app.packageBlobs.createContainer(names.manifest);
    return names;
  };
  const exists = (name: string) => app.packageBlobs.getContainerClient(name).exists();

  it("loses its content, so that no job of it can import any more", async () => {
    const names = await containers();
    await put(0, "submitting", {}, { containers: names });
    await recoverRound(app, ref);
    expect([await exists(names.data), await exists(names.manifest)]).toEqual([false, true]);
    expect(await rows()).toEqual([fresh(0, 1)]);
  });

  it("also when its row goes", async () => {
    const names = await containers();
    await put(1, "importing", {}, { containers: names });
    await recoverRound(app, ref);
    expect(await exists(names.data)).toBe(false);
    expect(await rows()).toEqual([]);
  });

  it("keeps it while SharePoint is at work", async () => {
    const names = await containers();
    await put(0, "importing", {}, { containers: names });
    await recoverRound(app, ref);
    expect(await exists(names.data)).toBe(true);
  });
});

describe("any round", () => {
  const state = fc.constantFrom(...PACKAGE_STATES);
  const mostly = fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, fc.constant(false));
  const package_ = fc.record({
    state,
    kept: fc.record({
      row: mostly,
      segment: mostly,
      plan: mostly,
      upload: mostly,
      outcomes: mostly,
    }),
  });

  it("adds up afterwards, and recovering it again changes nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(package_, { maxLength: 8 }), fc.boolean(), async (found, done) => {
        await begin();
        for (const [segment, { state: at, kept }] of found.entries()) await put(segment, at, kept);
        await claimScanned(found.length, done);
        const totals = await recoverRound(app, ref);
        const after = await rows();
        const expectedLength = found.findIndex(({ kept }) => !kept.row || !kept.segment);
        expect(after).toHaveLength(expectedLength === -1 ? found.length : expectedLength);
        expect(totals.scan.segments).toBe(after.length);
        expect(totals.scan.items).toBe(after.length);
        expect(totals.scan.finished).toBe(done && after.length === found.length);
        const reached = (stages: number) => after.filter(({ counted }) => counted >= stages).length;
        expect([totals.packaged.items, totals.uploaded.items, totals.imported.items]).toEqual([
          ...[reached(1), reached(2), reached(3)],
        ]);
        expect([totals.recorded, totals.migrated.items]).toEqual([reached(4), reached(4)]);
        const firstLeft = after.findIndex(({ state: at }) => at !== "recorded");
        expect(totals.nextSegment).toBe(firstLeft === -1 ? after.length : firstLeft);
        await app.rounds.updateRound(ref, (value) => ({ ...value, ...totals }));
        expect(await recoverRound(app, ref)).toEqual(totals);
        expect(await rows()).toEqual(after);
      }),
      { numRuns: 25 },
    );
  });
});
