import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startStorage, type TestStorage, uniquePrefix } from "../../../test/support/storage.ts";
import { openTable } from "../storage/documents.ts";
import { type Edit, editList, readList } from "./orderedList.ts";
import { PackedRows } from "./packedRows.ts";

let storage: TestStorage;
let rows: PackedRows;

beforeAll(async () => {
  storage = await startStorage();
  rows = new PackedRows(await openTable(storage.connection, `${uniquePrefix()}Lists`), "p");
});
afterAll(() => storage.stop());

async function edit(list: string, edits: Edit<number>[]): Promise<void> {
  const actions = (await editList(rows, list, edits)).map((write) => rows.action(write));
  for (let start = 0; start < actions.length; start += 100)
    await rows.table.submitTransaction(actions.slice(start, start + 100));
}

const read = async (list: string, range: object = {}) =>
  (await Array.fromAsync(readList(rows, list, { descending: false, expected: 50, ...range }))).map(
    ([key]) => key,
  );

const key = (n: number) => `k${n.toString().padStart(5, "0")}`;

/** The same numbers every time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

describe("an ordered list", () => {
  it("holds what was put and not removed, in order, whatever the changes", async () => {
    const pick = random(7);
    const model = new Map<string, number>();
    for (let turn = 0; turn < 60; turn++) {
      // Grows to some thousand entries, then shrinks again.
      const growing = turn < 30;
      const edits = Array.from({ length: 1 + pick(150) }, (): Edit<number> => {
        const k = key(pick(4_000));
        return pick(10) < (growing ? 8 : 2) ? { key: k, item: pick(100) } : { key: k };
      });
      for (const { key: k, item } of edits)
        if (item === undefined) model.delete(k);
        else model.set(k, item);
      await edit("model", edits);
      if (turn % 10 === 9) {
        const sorted = [...model.keys()].sort();
        expect(await read("model")).toEqual(sorted);
        expect(await read("model", { descending: true })).toEqual(sorted.toReversed());
        const range = { above: key(1_000), below: key(2_500) };
        expect(await read("model", range)).toEqual(
          sorted.filter((k) => k > range.above && k < range.below),
        );
      }
    }
    for await (const [k, item] of readList<number>(rows, "model", {
      descending: false,
      expected: 1,
    }))
      expect(model.get(k)).toBe(item);
  });

  it("is one leaf again when nearly all of it is gone", async () => {
    const all = Array.from({ length: 1_000 }, (_, n) => key(n));
    await edit(
      "shrinking",
      all.map((k) => ({ key: k, item: 1 })),
    );
    for (let start = 0; start < 990; start += 30)
      await edit(
        "shrinking",
        all.slice(start, Math.min(990, start + 30)).map((k) => ({ key: k })),
      );
    expect(await read("shrinking")).toEqual(all.slice(990));
    expect(await Array.fromAsync(rows.keysBelow("shrinking"))).toHaveLength(1);
  });

  it("does not exist, and is empty", async () => {
    expect(await read("nothing")).toEqual([]);
    expect(await read("nothing", { descending: true, below: "x" })).toEqual([]);
  });

  it("is read without gaps while it is changed", async () => {
    const fixed = Array.from({ length: 300 }, (_, n) => key(n * 10));
    await edit(
      "busy",
      fixed.map((k) => ({ key: k, item: 1 })),
    );
    let done = false;
    const pick = random(3);
    const writer = (async () => {
      for (let turn = 0; turn < 40; turn++)
        await edit(
          "busy",
          Array.from({ length: 40 }, () => {
            const k = key(pick(300) * 10 + 1 + pick(9));
            return turn % 2 ? { key: k } : { key: k, item: 2 };
          }),
        );
      done = true;
    })();
    while (!done) {
      const seen = await read("busy", { descending: pick(2) === 1 });
      expect(seen.filter((k) => k.endsWith("0")).sort()).toEqual(fixed);
    }
    await writer;
  });
});
