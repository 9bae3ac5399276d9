import { expect, it } from "@jest/globals";
import type { OrchestrationContext } from "durable-functions";
import type { Activity, ActivityResult } from "../activities/activity.ts";

const NOW = Date.UTC(2026, 0, 1);
const activity: Activity<object, number> = { name: "any", run: async () => 0 };

/** The steps of `call` for these results of its activity: how long it waited between them, and what came out. */
async function steps(results: ActivityResult<number>[], instanceId = "instance") {
  // Late: Jest 30 cannot require() CommonJS while it links the modules that import it.
  const { call } = await import("./call.ts");
  const waits: number[] = [];
  const df = {
    instanceId,
    currentUtcDateTime: new Date(NOW),
    callActivityWithRetry: () => "activity",
    createTimer: (at: Date) => waits.push(at.getTime() - NOW),
  };
  const generator = call({ df } as unknown as OrchestrationContext, activity, {});
  let turn = generator.next();
  while (!turn.done)
    turn = generator.next((turn.value as unknown) === "activity" ? results.shift() : undefined);
  return { waits, value: turn.value };
}
const throttled = (seconds: number): ActivityResult<number> => ({
  ok: false,
  code: "THROTTLED",
  message: `SharePoint asks to wait until ${new Date(NOW + seconds * 1000).toISOString()}`,
});

it("waits until the time that SharePoint named, as often as it takes", async () => {
  const { waits, value } = await steps([throttled(300), throttled(60), { ok: true, value: 7 }]);
  expect(value).toBe(7);
  expect(waits).toHaveLength(2);
  expect(waits[0]).toBeGreaterThanOrEqual(300_000);
  expect(waits[0]).toBeLessThan(305_000);
  expect(waits[1]).toBeGreaterThanOrEqual(60_000);
});

it("does not come back with everybody else", async () => {
  const of = async (id: string) =>
    (await steps([throttled(30), { ok: true, value: 0 }], id)).waits[0];
  const waits = await Promise.all(["a.p1", "a.p2", "b.p1", "b.p77"].map(of));
  expect(new Set(waits).size).toBe(4);
  expect(await of("a.p1")).toBe(waits[0]);
});

it("waits a second at least, also for a time that is over or missing", async () => {
  for (const message of [throttled(-60), { ...throttled(0), message: "no time in it" }])
    expect((await steps([message, { ok: true, value: 0 }])).waits[0]).toBeGreaterThanOrEqual(1_000);
});

it("ends at once with any other refusal", async () => {
  const refused: ActivityResult<number> = { ok: false, code: "CONFLICT", message: "no" };
  await expect(steps([refused])).rejects.toMatchObject({ issue: { code: "CONFLICT" } });
});
