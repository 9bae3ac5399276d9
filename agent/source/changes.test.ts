import { expect, it } from "@jest/globals";
import fc from "fast-check";
import { changes } from "./changes.ts";

/** Walks a history, newest first; what it gave until it had `enough` states, and how often it looked. */
async function seen(history: string[], now: string, enough = Number.POSITIVE_INFINITY) {
  let looks = 0;
  const look = async (index: number) => {
    looks++;
    return { state: history[index] as string };
  };
  const found: [number, string][] = [];
  for await (const [index, { state }] of changes(history.length, now, look)) {
    found.push([index, state]);
    if (new Set(found.map(([, each]) => each)).size >= enough) break;
  }
  return { found, looks };
}

/** Runs of states, each of which was there once: [state, how many snapshots have it]. */
const runs = fc.array(fc.nat(40), { maxLength: 12 });
const spread = (lengths: number[]) =>
  lengths.flatMap((length, state) => Array.from({ length }, () => `${state}`));

it("gives every state there was, newest first, with the newest snapshot that has it", async () => {
  await fc.assert(
    fc.asyncProperty(runs, fc.nat(12), async (lengths, enough) => {
      const history = spread(lengths);
      const { found } = await seen(history, "now");
      expect(found.map(([index]) => index)).toEqual(
        found.map(([index]) => index).sort((a, b) => a - b),
      );
      const first = new Map<string, number>();
      for (const [index, state] of found) if (!first.has(state)) first.set(state, index);
      const states = [...new Set(history)];
      expect([...first]).toEqual(states.map((state) => [state, history.indexOf(state)]));
      const some = await seen(history, "now", enough + 1);
      expect(new Set(some.found.map(([, state]) => state))).toEqual(
        new Set(states.slice(0, enough + 1)),
      );
    }),
  );
});

it("looks once at what never changed, and seldom at what changed seldom", async () => {
  const history = Array.from({ length: 1_000 }, () => "same");
  expect(await seen(history, "same")).toEqual({ found: [[999, "same"]], looks: 1 });
  history.fill("old", 700);
  expect((await seen(history, "same")).looks).toBeLessThan(15);
  expect((await seen([], "same")).looks).toBe(0);
});
