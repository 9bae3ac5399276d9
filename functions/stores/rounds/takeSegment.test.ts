import { describe, expect, it } from "@jest/globals";
import {
  conflict,
  offer,
  ref,
  register,
  scan,
  store,
  useRounds,
  withPackages,
} from "../../../test/support/roundStore.ts";
import { completed } from "../../domain/agents/workItems.ts";

useRounds();

describe("taking segments", () => {
  const take = (lane: number, sequence: number, run = ref.run) =>
    store.takeSegment({ ...ref, run }, { number: lane, sequence, instance: `lane${lane}` });

  it("gives each to one lane, however many ask at once", async () => {
    await withPackages(...Array.from({ length: 24 }, () => ({})));
    const lanes = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (lane) => {
        const mine: number[] = [];
        for (let sequence = 0; ; sequence++) {
          const taken = await take(lane, sequence);
          if (typeof taken === "string") return mine;
          mine.push(taken.segment);
        }
      }),
    );
    const all = lanes.flat().sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 24 }, (_, n) => n));
  });

  it("answers a repeated request with the same segment", async () => {
    await withPackages({}, {}, {});
    const asked = await Promise.all([take(0, 0), take(0, 0), take(1, 0), take(0, 0)]);
    const [first, again, otherLane, third] = asked;
    expect([again, third]).toEqual([first, first]);
    expect(otherLane).not.toEqual(first);
    expect(await take(0, 1)).toEqual({ segment: 2 });
    expect(await take(0, 1)).toEqual({ segment: 2 });
    expect(await take(1, 1)).toBe("done");
  });

  it("passes over what is recorded, also over many pages of it", async () => {
    const recorded = { state: "recorded" as const };
    await withPackages(...Array.from({ length: 120 }, () => recorded), {}, recorded, {});
    expect(await take(0, 0)).toEqual({ segment: 120 });
    expect(await take(1, 0)).toEqual({ segment: 122 });
    expect(await take(2, 0)).toBe("done");
  });

  it("waits while the scan goes on, and says which lanes do", async () => {
    await offer(scan(), "a");
    expect(await take(0, 0)).toBe("wait");
    expect(await store.listLanes(ref.taskId, 0)).toEqual([
      { run: ref.run, sequence: 0, instance: "lane0" },
    ]);
    await register(1);
    expect(await take(0, 0)).toEqual({ segment: 0 });
    expect(await take(1, 0)).toBe("wait");
    await store.completeScan(scan(), { totalSegments: 1 }, (work) =>
      completed(work, { agentId: "a", epoch: 1 }),
    );
    expect(await take(1, 0)).toBe("done");
  });

  it("gives segments that come while lanes ask to one lane each", async () => {
    await offer(scan(), "a");
    const registering = (async () => {
      for (let count = 1; count <= 12; count++) await register(count);
    })();
    const lanes = [0, 1, 2].map(async (lane) => {
      const mine: number[] = [];
      for (let sequence = 0; mine.length < 4; ) {
        const taken = await take(lane, sequence);
        if (typeof taken === "string") continue;
        mine.push(taken.segment);
        sequence++;
      }
      return mine;
    });
    const all = (await Promise.all(lanes)).flat().sort((a, b) => a - b);
    await registering;
    expect(all).toEqual(Array.from({ length: 12 }, (_, n) => n));
  });

  it("starts over for a new run, and is refused to the old one", async () => {
    await withPackages({}, {});
    expect(await take(0, 0)).toEqual({ segment: 0 });
    await store.change(ref.taskId, 0, (value) => ({ ...value, run: "run999", nextSegment: 0 }));
    await expect(take(0, 1)).rejects.toMatchObject(conflict);
    expect(await take(0, 0, "run999")).toEqual({ segment: 0 });
  });
});
