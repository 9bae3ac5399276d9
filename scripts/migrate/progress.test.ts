import { describe, expect, it } from "@jest/globals";
import { createProgress, type StageName, type StageProgress } from "./progress.ts";
import { progressBlock, progressLine } from "./progress-lines.ts";
import { amount, roundView } from "./test-support.ts";

const stageOf = (stages: StageProgress[], name: StageName) => {
  const found = stages.find(({ stage }) => stage === name);
  if (!found) throw new Error(`no stage ${name}`);
  return found;
};

describe("createProgress", () => {
  it("takes rates over five seconds and the time left over thirty, by work", () => {
    const measure = createProgress();
    let stages: StageProgress[] = [];
    // 1 item and 20 bytes a second for 20 s, then 3 items and 20 bytes.
    for (let second = 0; second <= 25; second++) {
      const items = second <= 20 ? second : 20 + 3 * (second - 20);
      stages = measure(roundView({ uploaded: amount(items, 20 * second) }), second * 1000);
    }
    const upload = stageOf(stages, "upload");
    expect(upload.rate).toEqual(amount(3, 20));
    // An item counts as 100 kB: 65 items and 500 bytes are left, 35 and 500 were done in 25 seconds.
    expect(upload.secondsLeft).toBeCloseTo(6_500_500 / (3_500_500 / 25));
    expect(upload.share).toBeCloseTo(0.35, 3);
    expect(upload.finished).toBe(false);
  });

  it("does not guess while the scan goes on or nothing moves", () => {
    const measure = createProgress();
    const scanning = roundView({ scanFinished: false, uploaded: amount(1, 1) });
    measure(scanning, 0);
    const [scan] = measure(scanning, 1000);
    expect(scan).toMatchObject({ rate: amount(0, 0), finished: false });
    expect(scan).not.toHaveProperty("secondsLeft");
    expect(scan).not.toHaveProperty("share");
    const stages = measure(roundView({ uploaded: amount(1, 1) }), 2000);
    expect(stageOf(stages, "scan")).toMatchObject({ finished: true, share: 1, secondsLeft: 0 });
    expect(stageOf(stages, "upload")).not.toHaveProperty("secondsLeft");
  });

  it("knows when empty files are all that is left, and an empty source is done", () => {
    const measure = createProgress();
    measure(roundView({ uploaded: amount(50, 1000) }), 0);
    const stages = measure(roundView({ uploaded: amount(60, 1000) }), 1000);
    expect(stageOf(stages, "upload").secondsLeft).toBe(4);
    const empty = { ...amount(0, 0), files: 0, folders: 0, issues: 0 };
    for (const stage of createProgress()(roundView({ scanned: empty }), 0)) {
      expect(stage).toMatchObject({ finished: true, share: 1 });
    }
  });

  it("shows no negative rate when an interrupted round begins again", () => {
    const measure = createProgress();
    measure(roundView({ imported: amount(80, 800) }), 0);
    const stages = measure(roundView({ imported: amount(20, 200) }), 1000);
    expect(stageOf(stages, "import").rate).toEqual(amount(0, 0));
  });
});

describe("what is shown", () => {
  const round = roundView({
    uploaded: amount(40, 400),
    failed: amount(2, 20),
    waitingFor: "group default has no connected agent",
  });
  const measure = createProgress();
  measure(roundView(), 0);
  const stages = measure(round, 4000);

  it.each([20, 40, 60, 80, 200])("fits into %i columns", (width) => {
    const lines = progressBlock(stages, round, 65, width);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines).toHaveLength(6);
    expect(lines.join("\n")).toContain("Waiting");
  });

  it("is one line without a terminal", () => {
    expect(progressLine(stages, round)).toBe(
      "scan 100 items 1.00 kB, done | package 0 items 0 B, 0.0/s 0 B/s | " +
        "upload 40 items 400 B, 10/s 100 B/s 6 s left | import 0 items 0 B, 0.0/s 0 B/s | " +
        "waiting: group default has no connected agent",
    );
  });
});
