import { gzipSync } from "node:zlib";
import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { z } from "zod";
import { startStorage, type TestStorage } from "../../../test/support/storage.ts";
import { readJson, readLines, writeJson, writeLines } from "./lines.ts";

let storage: TestStorage;
let container: ContainerClient;

beforeAll(async () => {
  storage = await startStorage();
  container = BlobServiceClient.fromConnectionString(storage.connection).getContainerClient("test");
  await container.create();
});
afterAll(() => storage.stop());

const put = (name: string, body: Buffer) =>
  container.getBlockBlobClient(name).upload(body, body.length);
const read = (name: string) => Array.fromAsync(readLines(container, name));

describe("lines", () => {
  it("come back as they were written, whatever they hold", async () => {
    const line = fc.record({ path: fc.string({ unit: "binary" }), size: fc.nat() });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 50 }), async (lines) => {
        await writeLines(container, "lines.gz", lines);
        expect(await read("lines.gz")).toEqual(lines);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ["U+2028", "a\u2028b"],
    ["U+2029", "a\u2029b"],
    ["a line feed in a name", "a\nb"],
    ["a carriage return", "a\rb"],
    ["a next line character", "a\u0085b"],
  ])("%s ends no line", async (_what, path) => {
    await writeLines(container, "odd.gz", [{ path }, { path: "next" }]);
    expect(await read("odd.gz")).toEqual([{ path }, { path: "next" }]);
  });

  it("cross the borders of chunks within a character", async () => {
    const lines = Array.from({ length: 3_000 }, (_, n) => ({ n, text: "ä€𐍈".repeat(n % 40) }));
    await writeLines(container, "long.gz", lines);
    expect(await read("long.gz")).toEqual(lines);
  });

  it("may lack the last line feed", async () => {
    await put("open.gz", gzipSync('{"a":1}\n{"a":2}'));
    expect(await read("open.gz")).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it("throw when the blob is missing, cut off or not gzip", async () => {
    const whole = gzipSync('{"a":1}\n'.repeat(10_000));
    await put("cut.gz", whole.subarray(0, whole.length - 20));
    await put("plain.gz", Buffer.from("no gzip"));
    await expect(read("missing.gz")).rejects.toMatchObject({ statusCode: 404 });
    await expect(read("cut.gz")).rejects.toThrow(/end of file/);
    await expect(read("plain.gz")).rejects.toThrow(/header/);
  });

  it("can be left in the middle", async () => {
    await writeLines(
      container,
      "left.gz",
      Array.from({ length: 5_000 }, (_, n) => ({ n })),
    );
    for await (const line of readLines(container, "left.gz")) {
      expect(line).toEqual({ n: 0 });
      break;
    }
  });
});

describe("documents", () => {
  const schema = z.object({ a: z.number() });

  it("come back", async () => {
    await writeJson(container, "one.gz", { a: 1 });
    expect(await readJson(container, "one.gz", schema)).toEqual({ a: 1 });
  });

  it("are undefined when missing, and refused when they do not fit the schema", async () => {
    await writeJson(container, "other.gz", { a: "1" });
    expect(await readJson(container, "none.gz", schema)).toBeUndefined();
    await expect(readJson(container, "other.gz", schema)).rejects.toThrow(/expected number/);
  });
});
