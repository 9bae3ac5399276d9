import { on } from "node:events";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import yauzl from "yauzl";
import { MAX_ARCHIVE_BYTES, MAX_ARCHIVED_MEMBER_BYTES } from "../rules/limits.ts";
import { createArchive } from "./archive.ts";

/** Members as another zip implementation reads them; it checks names, sizes and CRC-32. */
async function unzip(zip: Buffer): Promise<[name: string, data: Buffer][]> {
  const archive = await promisify<Buffer, yauzl.Options, yauzl.ZipFile>(yauzl.fromBuffer)(zip, {
    lazyEntries: true,
    strictFileNames: true,
  });
  const open = promisify<yauzl.Entry, Readable>(archive.openReadStream.bind(archive));
  const members: [string, Buffer][] = [];
  const entries = on(archive, "entry", { close: ["end"] });
  archive.readEntry();
  for await (const [entry] of entries) {
    const data = await buffer(await open(entry));
    expect(crc32(data)).toBe(entry.crc32);
    members.push([entry.fileName, data]);
    archive.readEntry();
  }
  return members;
}

describe("createArchive", () => {
  it("gives a zip that other readers read back", async () => {
    const member = fc.tuple(
      fc.stringMatching(/^[a-z0-9\u00e9\u4f60][a-z0-9.]{0,12}$/),
      fc.uint8Array({ maxLength: 300 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(member, { selector: ([name]) => name, maxLength: 20 }),
        async (members) => {
          const archive = createArchive();
          for (const [name, data] of members) expect(archive.tryAdd(name, data)).toBe(true);
          expect(archive.members).toEqual(members.map(([name]) => name));
          const expected = members.map(([name, data]) => [name, Buffer.from(data)]);
          expect(await unzip(Buffer.concat([...archive.pieces()]))).toEqual(expected);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("holds a full archive and not one byte more, zip structures included", async () => {
    const archive = createArchive();
    const data = Buffer.alloc(102_000, 7);
    let added = 0;
    while (archive.tryAdd(`${added}.dat`, data)) added++;
    const used = Buffer.concat([...archive.pieces()]).length;
    expect(archive.size).toBe(used);
    const overhead = 30 + 46 + 2 * "last".length;
    const room = MAX_ARCHIVE_BYTES - used - overhead;
    expect(archive.tryAdd("last", Buffer.alloc(room + 1))).toBe(false);
    expect(archive.tryAdd("last", Buffer.alloc(room))).toBe(true);
    expect(archive.tryAdd("x", Buffer.alloc(0))).toBe(false);
    const zip = Buffer.concat([...archive.pieces()]);
    expect(zip.length).toBe(MAX_ARCHIVE_BYTES);
    expect((await unzip(zip)).length).toBe(added + 1);
  });

  it("refuses a member of 100 KB", () => {
    const archive = createArchive();
    expect(archive.tryAdd("a", Buffer.alloc(MAX_ARCHIVED_MEMBER_BYTES + 1))).toBe(false);
    expect(archive.tryAdd("a", Buffer.alloc(MAX_ARCHIVED_MEMBER_BYTES))).toBe(true);
    expect(archive.members).toEqual(["a"]);
  });

  it("refuses the same name twice", () => {
    const archive = createArchive();
    archive.tryAdd("a", Buffer.alloc(1));
    expect(() => archive.tryAdd("a", Buffer.alloc(1))).toThrow(/has a member "a" already/);
  });

  it("gives the same bytes for the same members", () => {
    const build = () => {
      const archive = createArchive();
      archive.tryAdd("a", Buffer.from("content"));
      return Buffer.concat([...archive.pieces()]);
    };
    expect(build()).toEqual(build());
  });
});
