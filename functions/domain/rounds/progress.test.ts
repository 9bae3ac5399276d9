import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { round } from "../../../test/support/records.ts";
import { doneOf, progressOf, type Sample, withSample } from "./progress.ts";

const amount = (items: number, bytes: number) => ({ items, bytes });
const at = (scanned: number, done: Partial<Record<string, number>> = {}, finished = true) => {
  const of = (stage: string) => amount(done[stage] ?? 0, 1000 * (done[stage] ?? 0));
  return {
    ...round(),
    scan: { ...round().scan, finished, ...amount(scanned, 1000 * scanned) },
    packaged: of("packaged"),
    uploaded: of("uploaded"),
    imported: of("imported"),
    migrated: of("migrated"),
  };
};
const all = (items: number) => ({
  ...{ packaged: items, uploaded: items, imported: items, migrated: items },
});
const running = { isOver: false, isRunning: true };

describe("progress", () => {
  it.each([
    ["nothing", {}, 0],
    ["all is packaged", { packaged: 100 }, 5],
    ["all is uploaded", { packaged: 100, uploaded: 100 }, 50],
    ["all is imported", { packaged: 100, uploaded: 100, imported: 100 }, 90],
    ["all is recorded, and the reports are written", all(100), 99],
  ])("counts stages: %s", (_what, done, percent) => {
    expect(progressOf(at(100, done), [], 0, running).percent).toBe(percent);
  });

  it("is whole when the round is over, and only when all of it was done", () => {
    const over = { isOver: true, isRunning: false };
    expect(progressOf(at(100, all(100)), [], 0, over)).toEqual({ percent: 100 });
    expect(progressOf(at(0), [], 0, over).percent).toBe(100);
    expect(progressOf(at(100, all(60)), [], 0, over).percent).toBe(60);
  });

  it("weighs items and bytes", () => {
    const large = { ...at(0), scan: { ...at(0).scan, ...amount(2, 10_000_000) } };
    const uploaded = { ...large, packaged: amount(1, 0), uploaded: amount(1, 0) };
    expect(progressOf(uploaded, [], 0, running).percent).toBe(0);
  });

  it("has a rate over the window, and an estimate once the scan has ended", () => {
    const samples = [{ at: 0, items: 0, bytes: 0 }];
    const half = at(100, { packaged: 100, uploaded: 100 });
    expect(progressOf(half, samples, 100_000, running)).toEqual({
      percent: 50,
      rate: { itemsPerSecond: 0.5, bytesPerSecond: 500 },
      secondsLeft: 100,
    });
    const scanning = at(100, { packaged: 100, uploaded: 100 }, false);
    expect(progressOf(scanning, samples, 100_000, running)).not.toHaveProperty("secondsLeft");
    expect(progressOf(at(100), samples, 100_000, running)).not.toHaveProperty("secondsLeft");
  });

  it("has a rate that people can read: whole bytes, hundredths of items", () => {
    const samples = [{ at: 0, items: 0, bytes: 0 }];
    const some = at(100, { packaged: 100, uploaded: 100 });
    expect(progressOf(some, samples, 7_000, running).rate).toEqual({
      ...{ itemsPerSecond: 7.14, bytesPerSecond: 7143 },
    });
  });

  it("forgets what is long ago, but for one sample", () => {
    let samples: Sample[] = [];
    for (let second = 0; second <= 3_600; second++)
      samples = withSample(samples, at(3_600, all(second)), second * 1000);
    expect(samples.length).toBeLessThanOrEqual(32);
    expect(samples[0]?.at).toBe(3_300_000);
    const { rate } = progressOf(at(3_600, all(3_600)), samples, 3_600_000, running);
    expect(rate?.itemsPerSecond).toBeCloseTo(1);
  });

  it("is a percentage that grows with what is done, whatever the figures", () => {
    const figure = fc.integer({ min: 0, max: 1_000 });
    fc.assert(
      fc.property(figure, figure, figure, (scanned, a, b) => {
        const [less, more] = [Math.min(a, b, scanned), Math.min(Math.max(a, b), scanned)];
        const one = progressOf(at(scanned, all(less)), [], 0, running).percent;
        const two = progressOf(at(scanned, all(more)), [], 0, running).percent;
        expect(one).toBeLessThanOrEqual(two);
        expect(one).toBeGreaterThanOrEqual(0);
        expect(two).toBeLessThanOrEqual(99);
        expect(doneOf(at(scanned, all(more))).items).toBeCloseTo(more);
      }),
    );
  });
});
