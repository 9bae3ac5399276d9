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

const aged = fc.record({ size: fc.nat(60), versions: fc.array(fc.nat(60), { maxLength: 6 }) });

it("counts older versions for where a segment ends, and leaves them with their file", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(aged, { maxLength: 30 }), async (list) => {
      const items = list.map(({ size, versions }, i): WalkItem => {
        const { entry, parent } = item(i, size);
        const older = versions.map((bytes, j) => ({ snapshot: `s${j}`, size: bytes, modified: j }));
        return { entry: { ...entry, ...(older.length > 0 && { versions: older }) }, parent };
      });
      const whole = await cut(items);
      let done = 0;
      for (const [number, { summary, text }] of whole.entries()) {
        const entries = text
          .trimEnd()
          .split("\n")
          .slice(1)
          .map((line) => JSON.parse(line));
        expect(entries).toEqual(items.slice(done, done + entries.length).map(({ entry }) => entry));
        const contents = entries.flatMap(({ size, versions = [] }) => [
          size,
          ...versions.map((version: { size: number }) => version.size),
        ]);
        const bytes = contents.reduce((sum, size) => sum + size, 0);
        if (contents.length > limits.segmentItems || bytes > limits.segmentBytes)
          expect(entries).toHaveLength(1);
        // What is told of a segment is what the walk found.
        expect(summary.items).toBe(entries.length);
        expect(summary.bytes).toBe(entries.reduce((sum, { size }) => sum + size, 0));
        done += entries.length;
        expect(await cut(items.slice(done), number + 1)).toEqual(whole.slice(number + 1));
      }
      expect(done).toBe(items.length);
    }),
  );
});
