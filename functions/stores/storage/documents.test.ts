import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { z } from "zod";
import { startStorage, type TestStorage, uniquePrefix } from "../../../test/support/storage.ts";
import { Documents, isConflict, openTable, retryConflicts, Writes } from "./documents.ts";

const schema = z.object({ count: z.number().int(), text: z.string() });

let storage: TestStorage;
let documents: Documents<z.infer<typeof schema>>;

beforeAll(async () => {
  storage = await startStorage();
  documents = new Documents(await openTable(storage.connection, uniquePrefix()), schema);
});
afterAll(() => storage.stop());

const value = (count: number, text = "") => ({ count, text });
const rowsOf = async (partition: string, range?: Parameters<typeof documents.list>[1]) =>
  (await Array.fromAsync(documents.list(partition, range))).map(({ row }) => row);

describe("rows", () => {
  it("come back, whatever text they hold, alone and in a transaction", async () => {
    const texts = fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(texts, async (found) => {
        const text = found.join("--changeset_\u2028 HTTP/1.1");
        await documents.put("text", "alone", value(1, text));
        await new Writes(documents.table, "text")
          .put(documents, "together", value(2, text))
          .commit();
        expect((await documents.get("text", "alone"))?.value).toEqual(value(1, text));
        expect((await documents.get("text", "together"))?.value).toEqual(value(2, text));
      }),
      { numRuns: 40 },
    );
  });

  it("are inserted once", async () => {
    expect(await documents.insert("insert", "a", value(1))).toBe(true);
    expect(await documents.insert("insert", "a", value(2))).toBe(false);
    expect((await documents.get("insert", "a"))?.value.count).toBe(1);
  });

  it("may be missing: for get, update and remove", async () => {
    expect(await documents.get("missing", "a")).toBeUndefined();
    expect(await documents.update("missing", "a", (found) => found)).toBeUndefined();
    await documents.remove("missing", "a");
  });

  it("that do not fit the schema are not written", async () => {
    const wrong = { count: 1.5, text: "x" };
    await expect(documents.insert("wrong", "a", wrong)).rejects.toThrow(/int/);
    await expect(documents.put("wrong", "a", wrong)).rejects.toThrow(/int/);
    await documents.put("wrong", "a", value(1));
    await expect(documents.update("wrong", "a", () => wrong)).rejects.toThrow(/int/);
    expect(() => new Writes(documents.table, "wrong").put(documents, "a", wrong)).toThrow(/int/);
    expect((await documents.get("wrong", "a"))?.value).toEqual(value(1));
  });

  it("that do not fit the schema are not read", async () => {
    const entity = { partitionKey: "foreign", rowKey: "a", data: '{"count":"1"}' };
    await documents.table.createEntity(entity);
    await expect(documents.get("foreign", "a")).rejects.toThrow(/expected number/);
  });

  it("are listed in key order, in a range, by pages", async () => {
    for (const row of ["b-2", "a-1", "b-10", "b-1", "c-1"])
      await documents.put("list", row, value(0));
    expect(await rowsOf("list")).toEqual(["a-1", "b-1", "b-10", "b-2", "c-1"]);
    expect(await rowsOf("list", { from: "b-10", before: "c" })).toEqual(["b-10", "b-2"]);
    expect(await rowsOf("list", { from: "b-", before: "b.", pageSize: 1 })).toEqual([
      "b-1",
      "b-10",
      "b-2",
    ]);
    expect(await rowsOf("nothing")).toEqual([]);
  });

  it("of a partition whose name holds a quote are its own", async () => {
    await documents.put("o'hara", "a", value(1));
    expect(await rowsOf("o'hara")).toEqual(["a"]);
  });
});

describe("changes", () => {
  it("of many at once are all made", async () => {
    await documents.put("count", "a", value(0));
    const change = () =>
      documents.update("count", "a", (found) => ({ ...found, count: found.count + 1 }));
    await Promise.all(Array.from({ length: 20 }, change));
    expect((await documents.get("count", "a"))?.value.count).toBe(20);
  });

  it("that return undefined leave the row and its ETag alone", async () => {
    await documents.put("leave", "a", value(7));
    const before = await documents.get("leave", "a");
    expect(await documents.update("leave", "a", () => undefined)).toEqual(value(7));
    expect(await documents.get("leave", "a")).toEqual(before);
  });

  it("that throw are not tried again", async () => {
    await documents.put("throw", "a", value(1));
    let calls = 0;
    const change = () => {
      calls++;
      throw new Error("no");
    };
    await expect(documents.update("throw", "a", change)).rejects.toThrow("no");
    expect(calls).toBe(1);
  });
});

describe("transactions", () => {
  it("happen not at all when one ETag is old", async () => {
    await documents.put("all", "a", value(1));
    await documents.put("all", "b", value(1));
    const [a, b] = [await documents.get("all", "a"), await documents.get("all", "b")];
    await documents.put("all", "b", value(2));
    const writes = new Writes(documents.table, "all")
      .put(documents, "c", value(9))
      .replace(documents, "a", value(9), a?.etag as string)
      .replace(documents, "b", value(9), b?.etag as string);
    const error: unknown = await writes.commit().catch((reason: unknown) => reason);
    expect(isConflict(error)).toBe(true);
    expect(await rowsOf("all")).toEqual(["a", "b"]);
    expect((await documents.get("all", "a"))?.value.count).toBe(1);
  });

  it("take a hundred rows", async () => {
    const writes = new Writes(documents.table, "hundred");
    for (let n = 0; n < 100; n++) writes.put(documents, `row-${n}`, value(n));
    await writes.commit();
    expect(await rowsOf("hundred")).toHaveLength(100);
  });

  it("remove rows, too", async () => {
    await documents.put("remove", "a", value(1));
    await new Writes(documents.table, "remove").remove("a").put(documents, "b", value(2)).commit();
    expect(await rowsOf("remove")).toEqual(["b"]);
  });
});

describe("retryConflicts", () => {
  const conflict = Object.assign(new Error("412"), { statusCode: 412 });

  it("gives up what is no conflict at once", async () => {
    let tries = 0;
    const attempt = retryConflicts(async () => {
      tries++;
      throw conflict;
    });
    await expect(attempt).rejects.toBe(conflict);
    expect(tries).toBe(1);
  });
});
