import { expect, it } from "@jest/globals";
import fc from "fast-check";
import type { WalkItem } from "../source/walk.ts";
import { cutSegments, type Segment } from "./segments.ts";

const limits = { segmentItems: 4, segmentBytes: 100 };

const item = (number: number, size: number): WalkItem => ({
  entry: { path: `f${number}`, kind: "file", size, modified: 1, created: 1 },
  parent: undefined,
});

async function cut(items: WalkItem[], first = 0): Promise<Segment[]> {
  const segments: Segment[] = [];
  async function* walk() {
    yield* items;
  }
  for await (const segment of cutSegments(walk(), limits, first)) segments.push(segment);
  return segments;
}

const sizes = fc.array(fc.oneof(fc.nat(60), fc.constantFrom(0, 99, 100, 101, 500)), {
  maxLength: 30,
});

it("keeps to both limits, and a larger file stands alone", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, async (list) => {
      const segments = await cut(list.map((size, i) => item(i, size)));
      for (const { summary } of segments) {
        expect(summary.items).toBeLessThanOrEqual(limits.segmentItems);
        if (summary.bytes > limits.segmentBytes) expect(summary.items).toBe(1);
      }
      expect(segments.map(({ summary }) => summary.segment)).toEqual([...segments.keys()]);
      expect(segments.reduce((sum, { summary }) => sum + summary.items, 0)).toBe(list.length);
    }),
  );
});

it("cuts the rest of a walk as it would have cut the whole", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, async (list) => {
      const items = list.map((size, i) => item(i, size));
      const whole = await cut(items);
      let done = 0;
      for (const [number, { summary }] of whole.entries()) {
        done += summary.items;
        expect(await cut(items.slice(done), number + 1)).toEqual(whole.slice(number + 1));
      }
    }),
  );
});
