import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { inParallel } from "./inParallel.ts";

describe("work in parallel", () => {
  it("is done once for every item, so many at a time", async () => {
    const done: number[] = [];
    let [running, most] = [0, 0];
    await inParallel(3, [5, 1, 4, 2, 3, 0, 1], async (ms, index) => {
      most = Math.max(most, ++running);
      await sleep(ms);
      running--;
      done.push(index);
    });
    expect(done.sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(most).toBe(3);
  });

  it("of nothing is done at once", async () => {
    await inParallel(3, [], () => Promise.reject(new Error("never")));
  });

  it("begins nothing after a failure, and waits for what had begun", async () => {
    const ended: number[] = [];
    const begun: number[] = [];
    const all = inParallel(2, [0, 1, 2, 3], async (item) => {
      begun.push(item);
      await sleep(item === 0 ? 1 : 20);
      if (item === 0) throw new Error("no");
      ended.push(item);
    });
    await expect(all).rejects.toThrow("no");
    expect({ begun, ended }).toEqual({ begun: [0, 1], ended: [1] });
  });
});
