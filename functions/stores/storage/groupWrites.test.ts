import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { openCountedTable } from "../../../test/support/counted-table.ts";
import { startStorage, type TestStorage, uniquePrefix } from "../../../test/support/storage.ts";
import { Documents } from "./documents.ts";
import { GroupWrites } from "./groupWrites.ts";

let storage: TestStorage;
let counted: Awaited<ReturnType<typeof openCountedTable>>;
let rows: Documents<{ n: number }>;
let writes: GroupWrites;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());
beforeEach(async () => {
  counted = await openCountedTable(storage.connection, `${uniquePrefix()}Rows`);
  rows = new Documents(counted.table, z.object({ n: z.number() }));
  writes = new GroupWrites(counted.table);
});

const put = (row: string, n = 0) => writes.write("p", rows.putAction("p", row, { n }));
const keys = async () => (await Array.fromAsync(rows.list("p"))).map(({ row }) => row);

describe("rows that are written together", () => {
  it("take one request for fifty", async () => {
    const all = Array.from({ length: 120 }, (_, n) => `r${String(n).padStart(3, "0")}`);
    const [, requests] = await counted.count(() => Promise.all(all.map((row) => put(row))));
    expect(requests).toBe(3);
    expect(await keys()).toEqual(all);
  });

  it("are removed together, and say which were not there", async () => {
    await Promise.all(["a", "b", "c"].map((row) => put(row)));
    const gone = await Promise.all(["a", "x", "c"].map((row) => writes.remove("p", row)));
    expect(gone).toEqual([true, false, true]);
    expect(await keys()).toEqual(["b"]);
  });

  it("are written in the order in which a row was asked for", async () => {
    await Promise.all([put("a", 1), put("a", 2), writes.remove("p", "b"), put("b", 3)]);
    expect((await rows.get("p", "a"))?.value).toEqual({ n: 2 });
    expect((await rows.get("p", "b"))?.value).toEqual({ n: 3 });
  });

  it("fail for those only whose row cannot be written", async () => {
    const large = { n: 1, text: "x".repeat(40_000) };
    const results = await Promise.allSettled([
      put("a"),
      writes.write("p", [
        "upsert",
        { partitionKey: "p", rowKey: "b", data: large.text },
        "Replace",
      ]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });
});
