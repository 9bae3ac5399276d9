import { describe, expect, it } from "@jest/globals";
import { stringify } from "csv-stringify/sync";
import { readCsv } from "./csv.ts";

const rows = [
  { Name: "plain", Message: "nothing special" },
  { Name: 'quo"te, comma', Message: "two\r\nlines" },
  { Name: "", Message: "日本語" },
];

async function* inChunks(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

describe("readCsv", () => {
  it.each([1, 2, 3, 7, 1000])(
    "reads what was written, in chunks of %i characters",
    async (size) => {
      const text = stringify(rows, { header: true, bom: true, record_delimiter: "windows" });
      expect(await Array.fromAsync(readCsv(inChunks(text, size)))).toEqual(rows);
    },
  );

  it("reads a last row without a line end, and no rows from an empty file", async () => {
    expect(await Array.fromAsync(readCsv(inChunks("a,b\n1,2", 3)))).toEqual([{ a: "1", b: "2" }]);
    expect(await Array.fromAsync(readCsv(inChunks("", 3)))).toEqual([]);
  });
});
