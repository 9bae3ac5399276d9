import { randomBytes, randomUUID } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { describe, expect, it } from "@jest/globals";
import { simulatedSite } from "../../test/support/simulatedSite.ts";
import { uploadExample } from "./testing/example.ts";
import { packageOf } from "./testing/package-builder.ts";

const { azurite, finance, ids, at } = simulatedSite();
const inLibrary = (path = "") => at("library", path);

const names = (events: { Event?: string }[]) => events.map(({ Event }) => Event);
const content = (path: string) => readFile(inLibrary(path), "utf8");
const itemAt = async (path: string) => (await finance.record()).find((item) => item.path === path);

describe("importing the example package", () => {
  it("writes files and times, keeps a record, and tells it all in events", async () => {
    const pkg = await uploadExample(azurite.service, ids);
    const events = await finance.run(pkg, ids.webId);
    expect(names(events)).toEqual([
      "JobQueued",
      "JobLogFileCreate",
      "JobStart",
      "JobProgress",
      "JobEnd",
    ]);
    for (const event of events) {
      expect(Object.values(event).every((value) => typeof value === "string")).toBe(true);
      expect(event.Time).toMatch(/^\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d\.\d{3}$/);
    }
    expect(events.at(-1)).toMatchObject({
      FilesCreated: "4",
      BytesProcessed: "86",
      FilesCreatedIrrespectiveOfVersions: "2",
      BytesProcessedOnlyCurrentVersion: "38",
      ObjectsProcessed: "9",
      TotalExpectedSPObjects: "9",
      TotalErrors: "0",
      TotalWarnings: "0",
      IsShallowCopy: "False",
    });
    expect(JSON.parse(events.at(-1)?.CreatedOrUpdatedFileStatsBySize ?? "")).toMatchObject({
      "0-1K": { Count: 4, TotalSize: 86 },
    });
    expect(await content("Reports/Budget 2025.xlsx")).toBe("budget, final € 1000\n");
    expect((await stat(inLibrary("Reports/readme.txt"))).mtime).toEqual(
      new Date("2024-02-01T08:16:00Z"),
    );
    expect((await stat(inLibrary("Reports"))).mtime).toEqual(new Date("2025-03-31T16:20:00Z"));
    expect(await itemAt("Reports/Budget 2025.xlsx")).toMatchObject({
      id: "0c19cd78-abe8-517e-b293-c6d929bc6786",
      listItemId: "97a6b543-7d36-58af-a13c-df2f4672652a",
      intId: 2,
      size: 23,
      created: "2025-01-07T10:00:00.000Z",
      modified: "2025-03-31T16:20:00.000Z",
      author: "i:0#.f|membership|ada.nowak@contoso.com",
      editor: "i:0#.f|membership|ben.okoro@contoso.com",
      version: "3.0",
      versions: [
        { label: "1.0", size: 20, editor: "i:0#.f|membership|ada.nowak@contoso.com" },
        { label: "2.0", size: 28, modified: "2025-02-14T13:45:10.000Z" },
        { label: "3.0", size: 23, editor: "i:0#.f|membership|ben.okoro@contoso.com" },
      ],
      importCount: 1,
      state: "present",
    });
    expect(JSON.parse((await itemAt("Reports"))?.permissions ?? "")).toEqual([
      { role: "Full Control", principal: "i:0#.f|membership|ada.nowak@contoso.com" },
      { role: "Edit", principal: "Finance Members" },
      { role: "Read", principal: "c:0t.c|tenant|0d5f9d3e-6a55-4d2c-9c8a-3b1f7e2a9c10" },
    ]);
    const log = await pkg.readMetadata(`Import-${events[0]?.JobId}-1.log`);
    expect(log).toContain("[JobEnd] [Info]");
    expect(await pkg.readMetadata(`Import-${events[0]?.JobId}-1.err`)).toBeUndefined();
  });

  it("replaces what has the same ids, also from two manifests", async () => {
    const before = await finance.record();
    const events = await finance.run(await uploadExample(azurite.service, ids, "split"), ids.webId);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0", FilesCreated: "4" });
    const after = await finance.record();
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(after.map(({ importCount }) => importCount)).toEqual([2, 2, 2]);
  });
});

describe("content", () => {
  it("keeps names with entities, several spaces and characters of all kinds", async () => {
    const paths = ["a  b   c & d's.txt", "naïve ünï 日本 😀.txt", "#%+[]{}=~!@$^`;,.txt"];
    const pkg = await packageOf(azurite.service, ids, {
      folders: [{ path: "Names  &  more" }],
      files: paths.map((path) => ({ path: `Names  &  more/${path}` })),
    });
    const events = await finance.run(pkg, ids.webId);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0" });
    expect((await readdir(inLibrary("Names  &  more"))).sort()).toEqual([...paths].sort());
  });

  it("imports empty files and files of many chunks, uploaded in blocks", async () => {
    const large = randomBytes(5_000_001);
    const pkg = await packageOf(azurite.service, ids, {
      files: [
        { path: "empty.bin", content: "" },
        { path: "large.bin", content: large, put: { withoutMd5: true } },
      ],
    });
    const events = await finance.run(pkg, ids.webId);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0", TotalWarnings: "0" });
    expect((await stat(inLibrary("empty.bin"))).size).toBe(0);
    expect(large.equals(await readFile(inLibrary("large.bin")))).toBe(true);
  });

  it("reads members of two archives and files beside them", async () => {
    const pkg = await packageOf(azurite.service, ids, {
      folders: [{ path: "Packed" }],
      files: Array.from({ length: 30 }, (_, n) => ({
        path: `Packed/${n}.txt`,
        content: `member ${n}`,
        ...(n % 3 === 2 ? {} : { archive: n % 3 }),
      })),
    });
    const events = await finance.run(pkg, ids.webId);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0", FilesCreated: "30" });
    for (const n of [0, 1, 2, 29]) expect(await content(`Packed/${n}.txt`)).toBe(`member ${n}`);
  });

  it("gives a folder its time back after a later package has written into it", async () => {
    const first = await packageOf(azurite.service, ids, {
      folders: [{ path: "Dated" }, { path: "Dated/Deep" }],
    });
    await finance.run(first, ids.webId);
    const existingFolders = Object.fromEntries(first.ids);
    const second = await packageOf(azurite.service, ids, {
      existingFolders,
      files: [{ path: "Dated/a.txt" }, { path: "Dated/Deep/b.txt" }],
    });
    const events = await finance.run(second, ids.webId);
    expect(events.at(-1)).toMatchObject({ TotalErrors: "0" });
    for (const path of ["Dated", "Dated/Deep"]) {
      expect((await stat(inLibrary(path))).mtime).toEqual(new Date("2024-01-02T00:00:00Z"));
    }
  });

  it("takes packages side by side that define the same folder", async () => {
    const id = randomUUID();
    const packages = await Promise.all(
      Array.from({ length: 4 }, (_, n) =>
        packageOf(azurite.service, ids, {
          folders: [{ path: "Shared by all", id }],
          files: Array.from({ length: 20 }, (_, f) => ({
            path: `Shared by all/${n}-${f}.txt`,
            archive: 0,
          })),
        }),
      ),
    );
    const jobs = await Promise.all(packages.map((pkg) => finance.run(pkg, ids.webId)));
    for (const events of jobs) {
      expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0" });
    }
    expect(await readdir(inLibrary("Shared by all"))).toHaveLength(80);
    expect(await itemAt("Shared by all")).toMatchObject({ id, importCount: 4 });
    expect((await stat(inLibrary("Shared by all"))).mtime).toEqual(
      new Date("2024-01-02T00:00:00Z"),
    );
  });

  it("leaves nothing temporary behind", async () => {
    const all = await readdir(inLibrary(), { recursive: true });
    expect(all.filter((name) => name.includes(".~import"))).toEqual([]);
  });
});

describe("ids and paths that are taken", () => {
  it("calls a file that lay in the library before a conflict, whatever its case", async () => {
    await writeFile(inLibrary("Existing.TXT"), "mine");
    await finance.call(
      "/_api/web/GetFolderByServerRelativePath(decodedurl='/sites/finance/Shared Documents')/Files",
    );
    const pkg = await packageOf(azurite.service, ids, { files: [{ path: "existing.txt" }] });
    const events = await finance.run(pkg, ids.webId);
    expect(events.find(({ Event }) => Event === "JobError")).toMatchObject({
      ErrorCode: "-2147024816",
      ObjectType: "File",
      Url: "Shared Documents/existing.txt",
      Id: pkg.ids.get("existing.txt"),
      Message: "A file or folder with the name Shared Documents/existing.txt already exists.",
    });
    expect(await content("Existing.TXT")).toBe("mine");
    expect(await itemAt("Existing.TXT")).toMatchObject({ origin: "adopted", importCount: 0 });
  });

  it("refuses another id for a path and a path for an id that lives elsewhere", async () => {
    const id = randomUUID();
    await finance.run(
      await packageOf(azurite.service, ids, { files: [{ path: "taken.txt", id }] }),
      ids.webId,
    );
    const pkg = await packageOf(azurite.service, ids, {
      files: [
        { path: "TAKEN.txt" },
        { path: "elsewhere.txt", id },
        { path: "twice.txt" },
        { path: "Twice.txt" },
      ],
    });
    const events = await finance.run(pkg, ids.webId);
    const errors = events.filter(({ Event }) => Event === "JobError");
    expect(errors.map(({ Url, ErrorCode }) => [Url, ErrorCode])).toEqual([
      ["Shared Documents/TAKEN.txt", "-2147024816"],
      ["Shared Documents/elsewhere.txt", "-2147024816"],
      ["Shared Documents/Twice.txt", "-2147024816"],
    ]);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "3" });
  });

  it("renames what has the same id and differs in case alone, with all that is in it", async () => {
    const [folderId, fileId] = [randomUUID(), randomUUID()];
    const tree = (folder: string, file: string) => ({
      folders: [{ path: folder, id: folderId }],
      files: [{ path: `${folder}/${file}`, id: fileId }],
    });
    const first = tree("Mixed", "One.txt");
    const kept = { path: "Mixed/kept.txt" };
    await finance.run(
      await packageOf(azurite.service, ids, { ...first, files: [...first.files, kept] }),
      ids.webId,
    );
    const pkg = await packageOf(azurite.service, ids, tree("MIXED", "ONE.txt"));
    const events = await finance.run(pkg, ids.webId);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0" });
    expect((await readdir(inLibrary("MIXED"))).sort()).toEqual(["ONE.txt", "kept.txt"]);
    const paths = (await finance.record()).map(({ path }) => path);
    expect(paths.filter((path) => /^mixed/i.test(path))).toEqual([
      "MIXED",
      "MIXED/kept.txt",
      "MIXED/ONE.txt",
    ]);
    const below = await packageOf(azurite.service, ids, {
      existingFolders: { mixed: folderId },
      files: [{ path: "mixed/new.txt" }],
    });
    await finance.run(below, ids.webId);
    expect(await content("MIXED/new.txt")).toBe("content of mixed/new.txt");
  });

  it("calls a folder that is there under another id a conflict, and takes it by its own", async () => {
    const made = await finance.post("/_api/web/folders", {
      ServerRelativeUrl: "/sites/finance/Shared Documents/Made by hand",
    });
    const withId = async (id: string) => {
      const pkg = await packageOf(azurite.service, ids, {
        folders: [{ path: "Made by hand", id }],
        files: [{ path: "Made by hand/a.txt" }],
        listItems: false,
      });
      return finance.run(pkg, ids.webId);
    };
    const errors = (await withId(randomUUID())).filter(({ Event }) => Event === "JobError");
    expect(errors.map(({ ErrorCode }) => ErrorCode)).toEqual(["-2147024816", "-2147024894"]);
    expect((await withId(made.body.UniqueId)).at(-1)).toMatchObject({
      TotalErrors: "0",
      FilesCreated: "1",
    });
  });

  it("numbers list items anew where the integer id is taken", async () => {
    const pkg = await packageOf(azurite.service, ids, {
      files: [{ path: "numbered.txt", attributes: { ListItemIntId: 2 } }],
    });
    await finance.run(pkg, ids.webId);
    const numbers = (await finance.record()).map(({ intId }) => intId);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect((await itemAt("numbered.txt"))?.intId).toBeGreaterThan(2);
  });
});
