import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { openCountedTable } from "../../../test/support/counted-table.ts";
import { startStorage, type TestStorage, uniquePrefix } from "../../../test/support/storage.ts";
import { decideAndWrite, Turns } from "./decide.ts";
import { Documents, Writes } from "./documents.ts";
import { RowMemory } from "./rowMemory.ts";

const schema = z.object({ n: z.number().int() });
type Row = z.infer<typeof schema>;

let storage: TestStorage;
let counted: Awaited<ReturnType<typeof openCountedTable>>;
/** Two processes of the app. */
let here: Documents<Row>;
let there: Documents<Row>;
let tests = 0;
let row = "";

beforeAll(async () => {
  storage = await startStorage();
  counted = await openCountedTable(storage.connection, uniquePrefix());
});
afterAll(() => storage.stop());
beforeEach(async () => {
  here = new Documents(counted.table, schema, new RowMemory());
  there = new Documents(counted.table, schema, new RowMemory());
  row = `row${++tests}`;
  await here.insert("p", row, { n: 0 });
});

const add = (rows: Documents<Row>, by = 1) =>
  rows.update("p", row, ({ n }) => (n < 0 ? undefined : { n: n + by }));
const requests = async (work: () => Promise<unknown>) => (await counted.count(work))[1];
const stored = async () => (await there.get("p", row))?.value.n;

describe("a row that only this process writes", () => {
  it("is not read again after it was inserted, read or changed", async () => {
    expect(await requests(() => add(here))).toBe(1);
    expect(await requests(() => add(here))).toBe(1);
    await there.get("p", row);
    expect(await requests(() => add(there))).toBe(1);
    expect(await stored()).toBe(3);
  });

  it("costs one request for each of many changes at once", async () => {
    const many = Array.from({ length: 20 }, () => add(here));
    expect(await requests(() => Promise.all(many))).toBe(20);
    expect(await stored()).toBe(20);
  });

  it("is read by who wants to know it", async () => {
    expect(await requests(() => here.get("p", row))).toBe(1);
    expect(await requests(() => here.update("p", row, () => undefined))).toBe(1);
  });

  it("is not what a caller makes of it", async () => {
    const mine = await add(here);
    if (mine) mine.n = 99;
    await add(here);
    expect(await stored()).toBe(2);
  });
});

describe("a row that others have written since", () => {
  it("is changed from what it is now", async () => {
    await add(there, 10);
    await add(here);
    await add(there, 10);
    expect(await stored()).toBe(21);
  });

  it("loses no change, however many there are at once", async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => add(n % 2 ? here : there)));
    expect(await stored()).toBe(20);
  });

  it("is read before a change is refused or found unnecessary", async () => {
    await here.put("p", row, { n: -1 });
    await there.update("p", row, () => ({ n: 5 }));
    expect(await add(here)).toEqual({ n: 6 });
    await here.put("p", row, { n: 1 });
    await there.update("p", row, () => ({ n: 7 }));
    const odd = ({ n }: Row) => {
      if (n === 1) throw new Error("refused");
      return { n: n + 1 };
    };
    expect(await here.update("p", row, odd)).toEqual({ n: 8 });
  });

  it("may be gone", async () => {
    await there.remove("p", row);
    expect(await add(here)).toBeUndefined();
    expect(await here.insert("p", row, { n: 3 })).toBe(true);
  });
});

describe("rows that change together", () => {
  const other = () => `${row}-other`;
  beforeEach(() => here.insert("p", other(), { n: 0 }));

  const addBoth = (rows: Documents<Row>) =>
    decideAndWrite(async (look) => {
      const [one, two] = [await look(rows, "p", row), await look(rows, "p", other())];
      if (!one || !two) return { result: 0 };
      const writes = new Writes(counted.table, "p")
        .replace(rows, row, { n: one.value.n + 1 }, one.etag)
        .replace(rows, other(), { n: two.value.n + 1 }, two.etag);
      return { result: one.value.n + 1, writes };
    });

  it("cost one transaction, and are remembered from it", async () => {
    expect(await requests(() => addBoth(here))).toBe(1);
    expect(await requests(() => addBoth(here))).toBe(1);
    expect(await stored()).toBe(2);
  });

  it("change from what they are now if one of them is another", async () => {
    await there.update("p", other(), () => ({ n: 10 }));
    expect(await addBoth(here)).toBe(1);
    expect((await there.get("p", other()))?.value.n).toBe(11);
  });
});

describe("turns", () => {
  it("of one key come one after the other, whatever becomes of those before", async () => {
    const turns = new Turns();
    const seen: string[] = [];
    const work = (name: string, fails = false) =>
      turns.take("key", async () => {
        seen.push(`${name} begins`);
        await Promise.resolve();
        seen.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      });
    const ended = await Promise.allSettled([work("a", true), work("b"), work("c")]);
    expect(ended.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(seen).toEqual(["a", "b", "c"].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });
});
