import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { settingsSchema } from "../contracts/settings.ts";
import { compileFilter, type FilterSettings } from "./filters.ts";

const defaults = settingsSchema.parse({});
const NOON = Date.UTC(2024, 5, 1, 12);
type Entry = Parameters<ReturnType<typeof compileFilter>>[0];

const file = (path: string, more: Partial<Entry> = {}): Entry => ({
  ...{ path, kind: "file", created: NOON, modified: NOON },
  ...more,
});
const folder = (path: string): Entry => file(path, { kind: "folder" });
const code = (settings: Partial<FilterSettings>, entry: Entry) =>
  compileFilter({ ...defaults, ...settings })(entry)?.code;

describe("a task without filters", () => {
  it("leaves nothing out", () => {
    const filter = compileFilter(defaults);
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer(), (path, time) => {
        expect(filter(file(path, { created: time, modified: time }))).toBeUndefined();
      }),
    );
  });
});

describe("extensions", () => {
  it.each([
    ["TXT:EXE", "a.txt", true],
    ["TXT:EXE", "A.Exe", true],
    ["txt", "folder.txt/a.doc", false],
    ["tar", "a.tar.gz", false],
    ["gz", "a.tar.gz", true],
    [".tmp : bak", "x.BAK", true],
    ["bashrc", ".bashrc", false],
    ["txt", "txt", false],
    ["", "a.", false],
  ])("%j and %j: %p", (excludeExtensions, path, out) => {
    expect(code({ excludeExtensions }, file(path))).toBe(out ? "FILTERED_EXTENSION" : undefined);
  });

  it("are those of files, not of folders", () => {
    expect(code({ excludeExtensions: "app" }, folder("Editor.app"))).toBeUndefined();
  });

  it("only look at what follows the last period, in any case", () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(word, word, word, (name, first, last) => {
        fc.pre(first !== last);
        const path = `${name}.${first}.${last.toUpperCase()}`;
        expect(code({ excludeExtensions: last }, file(path))).toBe("FILTERED_EXTENSION");
        expect(code({ excludeExtensions: first }, file(path))).toBeUndefined();
      }),
    );
  });
});

describe("name patterns", () => {
  it.each([
    ["*.tmp", "a/b/X.TMP", true],
    ["*.tmp", "a.tmp/b", false],
    ["~*", "deep/~draft", true],
    ["Thumbs.db", "p/thumbs.DB", true],
    ["Old/**", "old/a/b.txt", true],
    ["Old/**", "new/old/b.txt", false],
    ["**/cache/*", "a/b/Cache/c", true],
    ["/top.txt", "top.txt", true],
    ["/top.txt", "a/top.txt", false],
    ["report-202[0-3]*", "x/Report-2021.docx", true],
    ["report-202[0-3]*", "x/Report-2024.docx", false],
    [".*", "a/.hidden", true],
    ["*.{bak,old}", "a.OLD", true],
  ])("%j and %j: %p", (pattern, path, out) => {
    for (const entry of [file(path), folder(path)])
      expect(code({ excludeNames: [pattern] }, entry)).toBe(out ? "FILTERED_NAME" : undefined);
  });
});

describe("folders", () => {
  it.each([
    ["node_modules", "a/b/Node_Modules", true],
    ["node_modules", "node_modules2", false],
    ["backup*", "x/Backup 2019", true],
  ])("%j and %j: %p", (name, path, out) => {
    expect(code({ excludeFolders: [name] }, folder(path))).toBe(
      out ? "FILTERED_FOLDER" : undefined,
    );
    expect(code({ excludeFolders: [name] }, file(path))).toBeUndefined();
  });
});

describe("hidden items", () => {
  it("begin with a period or are marked by the agent", () => {
    const migrateHidden = false;
    for (const entry of [file("a/.x"), folder(".git"), file("a", { hidden: true })]) {
      expect(code({ migrateHidden }, entry)).toBe("FILTERED_HIDDEN");
      expect(code({}, entry)).toBeUndefined();
    }
    expect(code({ migrateHidden }, file(".git/config"))).toBeUndefined();
  });
});

describe("times", () => {
  const day = 24 * 3600_000;

  it("bound from a moment on and up to before a moment, of files only", () => {
    const times = { createdAfter: "2024-01-01", createdBefore: "2024-01-02" };
    const start = Date.UTC(2024, 0, 1);
    const seen = [start - 1, start, start + day - 1, start + day].map((created) =>
      code(times, file("a", { created })),
    );
    expect(seen).toEqual(["FILTERED_CREATED", undefined, undefined, "FILTERED_CREATED"]);
    expect(code(times, { ...folder("a"), created: 0 })).toBeUndefined();
  });

  it("may be instants in any zone", () => {
    const modifiedAfter = "2024-06-01T14:00:00+02:00";
    expect(code({ modifiedAfter }, file("a"))).toBeUndefined();
    expect(code({ modifiedAfter }, file("a", { modified: NOON - 1 }))).toBe("FILTERED_MODIFIED");
  });

  it("all have to hold", () => {
    const year = fc.integer({ min: 1990, max: 2030 });
    const time = fc.integer({ min: 0, max: Date.UTC(2035, 0, 1) });
    fc.assert(
      fc.property(year, year, time, time, (c, m, created, modified) => {
        const settings = { createdAfter: `${c}-01-01`, modifiedBefore: `${m}-01-01` };
        const stays = created >= Date.UTC(c, 0, 1) && modified < Date.UTC(m, 0, 1);
        const found = code(settings, file("a", { created, modified }));
        expect(found === undefined).toBe(stays);
      }),
    );
  });

  it("that no calendar has are told all the same", () => {
    expect(code({ createdBefore: "2024-01-01" }, file("a", { created: 9e15 }))).toBe(
      "FILTERED_CREATED",
    );
  });
});
