import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { NOON } from "../../test/support/records.ts";
import { sharePointClient } from "../../test/support/sharePointClient.ts";

const { around, destination, target, answering, packageOf, ended } = sharePointClient();

describe("items at the destination", () => {
  const UGLY = [
    "plain.txt",
    "it's.txt",
    "''.txt",
    "100% sure #1 & more.txt",
    "a+b=c;d,e@f!.txt",
    "übung – 日本語 😀.txt",
    "[brackets] {braces} (parens).txt",
    "..dots..a",
    "%41%2F.txt",
  ];

  it("are found by any name, with size and time", async () => {
    const paths = UGLY.flatMap((name) => [name, `folder's %20/${name}`]);
    const { plan, files } = await packageOf(...paths);
    await ended(await destination.submit(target, files));
    for (const item of plan.items) {
      if (item.kind === "folder") {
        expect(await destination.findFolder(target, item.path)).toBe(item.id);
        continue;
      }
      expect(await destination.findFile(target, item.path)).toEqual({
        ...{ id: item.id, size: item.path.length, modified: NOON, version: "1.0" },
      });
    }
  });

  it("that are not there are not found", async () => {
    writeFileSync(join(around.library, "by-hand.txt"), "x");
    expect(await destination.findFile(target, "no such.txt")).toBeUndefined();
    expect(await destination.findFolder(target, "no such")).toBeUndefined();
    expect(await destination.findFolder(target, "by-hand.txt")).toBeUndefined();
    expect(await destination.findFile(target, "by-hand.txt")).toMatchObject({ size: 1 });
  });

  it("are listed by lower-case name, files and folders, page by page", async () => {
    mkdirSync(join(around.library, "Listed/Sub Folder"), { recursive: true });
    writeFileSync(join(around.library, "Listed/Ünïcode.TXT"), "four");
    for (let n = 0; n < 5; n++) writeFileSync(join(around.library, `Listed/${n}.txt`), "x");
    const listed = await destination.listFolder(target, "Listed");
    expect([...(listed?.keys() ?? [])].toSorted()).toEqual(
      ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt", "sub folder", "ünïcode.txt"].toSorted(),
    );
    const there = await destination.findFile(target, "Listed/Ünïcode.TXT");
    const { version, ...listedOf } = there ?? {};
    expect(version).toBe("1.0");
    expect(listed?.get("ünïcode.txt")).toEqual({ kind: "file", ...listedOf });
    expect(listed?.get("sub folder")).toMatchObject({
      ...{ kind: "folder", size: 0 },
      id: await destination.findFolder(target, "Listed/Sub Folder"),
    });
    expect(await destination.listFolder(target, "")).toBeDefined();
    expect(await destination.listFolder(target, "Listed/nowhere")).toBeUndefined();
  });

  it("are listed over several pages, and in the verbose form", async () => {
    const asked: string[] = [];
    const there = await answering((request) => {
      const url = new URL(`http://x${request.url}`);
      asked.push(`${url.pathname.split("/").at(-1)} ${url.searchParams.get("$skip")}`);
      const isFiles = url.pathname.endsWith("/Files");
      const count = isFiles && url.searchParams.get("$skip") === "0" ? 2000 : 3;
      const results = Array.from({ length: count }, (_, n) => ({
        __metadata: {},
        ...{ UniqueId: "ABC", Name: `${url.searchParams.get("$skip")}-${n}`, Length: "7" },
        TimeLastModified: "2024-06-01T12:00:00Z",
      }));
      return { status: 200, body: { d: { results } } };
    });
    const listed = await destination.listFolder(there, "big");
    expect(asked).toEqual(["Folders 0", "Files 0", "Files 2000"]);
    expect(listed?.size).toBe(2003);
    expect(listed?.get("2000-2")).toEqual({ id: "abc", kind: "file", size: 7, modified: NOON });
  });

  it("are not listed beyond the threshold of SharePoint, which is no outage", async () => {
    const there = await answering({
      status: 500,
      body: {
        "odata.error": {
          code: "-2147024860, Microsoft.SharePoint.SPQueryThrottledException",
          message: { lang: "en-US", value: "The attempted operation is prohibited" },
        },
      },
    });
    await expect(destination.listFolder(there, "huge")).rejects.toMatchObject({
      code: "DESTINATION_FOLDER_TOO_LARGE",
    });
  });

  it.each([404, 400, 414])("are not there when SharePoint answers %i", async (status) => {
    const there = await answering({ status, body: {} });
    expect(await destination.findFile(there, "a")).toBeUndefined();
    expect(await destination.findFolder(there, "a")).toBeUndefined();
  });

  it("are not asked for in vain: what is no answer is an error", async () => {
    const there = await answering({ status: 409, body: {} });
    await expect(destination.findFile(there, "a")).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("are understood in the verbose form of OData", async () => {
    const there = await answering({
      status: 200,
      body: {
        d: {
          __metadata: { type: "SP.File" },
          UniqueId: "ABC",
          Length: "12",
          TimeLastModified: "2024-06-01T12:00:00Z",
        },
      },
    });
    expect(await destination.findFile(there, "a")).toEqual({
      id: "abc",
      size: 12,
      modified: NOON,
    });
  });
});
