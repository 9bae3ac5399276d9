import { describe, expect, it } from "@jest/globals";
import { type JobEvent, parseJobEvent } from "../../destinations/jobEvents.ts";
import { importOutcome } from "./importOutcome.ts";

const FILE = "0679b6f2-54c1-4a06-8d1c-1d1f6a7b0001";
const LIST_ITEM = "0679b6f2-54c1-4a06-8d1c-1d1f6a7b0002";
const OTHER = "0679b6f2-54c1-4a06-8d1c-1d1f6a7b0003";
const FOLDER = "0679b6f2-54c1-4a06-8d1c-1d1f6a7b0004";
const STRANGER = "ffffffff-54c1-4a06-8d1c-1d1f6a7b0009";

const ids = new Map([
  [FILE, "a/f"],
  [LIST_ITEM, "a/f"],
  [OTHER, "a/g"],
  [FOLDER, "a"],
]);
const urls = new Map([
  ["shared documents/a/f", "a/f"],
  ["shared documents/a/g", "a/g"],
  ["shared documents/a", "a"],
]);
const files = new Map([
  ["a/f", 1],
  ["a/g", 1],
]);

const event = (name: string, fields: Record<string, string> = {}): JobEvent =>
  parseJobEvent(JSON.stringify({ Event: name, JobId: STRANGER, ...fields }));
const end = (created = "2", more: Record<string, string> = {}) =>
  event("JobEnd", { FilesCreated: created, TotalErrors: "0", ...more });
const fileError = (fields: Record<string, string>) =>
  event("JobError", { ObjectType: "File", Message: "no", ErrorCode: "-1", ...fields });
const outcome = (...events: JobEvent[]) => importOutcome(events, { ids, urls, files });

describe("a job that went well", () => {
  it("is confirmed by the number of files it created", () => {
    expect(outcome(event("JobStart"), end())).toEqual({ errors: new Map(), confirmed: true });
  });

  it("counts files without their versions, where it says so", () => {
    const versions = end("9", { FilesCreatedIrrespectiveOfVersions: "2" });
    expect(outcome(versions).confirmed).toBe(true);
  });

  it("is confirmed by the number of versions, too, where there are any", () => {
    const withVersions = new Map([
      ["a/f", 3],
      ["a/g", 1],
    ]);
    const confirmed = (job: JobEvent) =>
      importOutcome([job], { ids, urls, files: withVersions }).confirmed;
    const both = { FilesCreatedIrrespectiveOfVersions: "2" };
    expect(confirmed(end("4"))).toBe(true);
    expect(confirmed(end("4", both))).toBe(true);
    // As many as there are files: two of the other may be missing, or so may all versions.
    expect(confirmed(end("2"))).toBe(false);
    expect(confirmed(end("2", both))).toBe(false);
    expect(confirmed(end("4", { FilesCreatedIrrespectiveOfVersions: "1" }))).toBe(false);
    expect(
      importOutcome([fileError({ Id: FILE }), end("1", { TotalErrors: "1" })], {
        ids,
        urls,
        files: withVersions,
      }).confirmed,
    ).toBe(true);
  });

  it("may bring folders only", () => {
    const { confirmed } = importOutcome([end("0")], { ids, urls, files: new Map() });
    expect(confirmed).toBe(true);
  });

  it("may have had warnings", () => {
    const warning = event("JobWarning", { Id: FILE, Message: "Field X cannot be found" });
    expect(outcome(warning, end())).toEqual({ errors: new Map(), confirmed: true });
  });
});

describe("a job whose word is not enough", () => {
  it.each([
    ["has no end", []],
    ["created fewer files", [end("1")]],
    ["created more files", [end("3")]],
    ["counts nothing", [event("JobEnd")]],
    ["counts something else", [end("two")]],
    ["has an error that names nobody", [fileError({ Url: "" }), end("2")]],
    ["has an error that names a stranger", [fileError({ Id: STRANGER }), end("1")]],
    // The file may have been created all the same, and another one be missing for it.
    [
      "has an error of a list item",
      [event("JobError", { ObjectType: "ListItem", Id: FILE }), end("1")],
    ],
  ])("%s", (_what, events) => {
    expect(outcome(...events).confirmed).toBe(false);
  });
});

describe("errors", () => {
  it.each([
    ["the file's id", { Id: FILE }],
    ["the file's id in capitals", { Id: FILE.toUpperCase() }],
    ["the list item's id", { Id: LIST_ITEM }],
    ["the URL", { Url: "Shared Documents/a/f" }],
    ["the URL in another case", { Url: "shared documents/A/F" }],
    ["an id in the message", { Message: `The file {${FILE}} cannot be written` }],
    ["an id in a field that nobody documents", { SourceObject: `x:${LIST_ITEM.toUpperCase()}` }],
  ])("name their item by %s", (_what, fields) => {
    const { errors, confirmed } = outcome(fileError(fields), end("1"));
    expect([...errors.keys()]).toEqual(["a/f"]);
    expect(errors.get("a/f")?.code).toBe("IMPORT_ITEM_FAILED");
    expect(confirmed).toBe(true);
  });

  it("carry SharePoint's message and code; the first one of an item counts", () => {
    const first = fileError({ Id: FILE, Message: "already exists", ErrorCode: "-2147024816" });
    const { errors } = outcome(first, fileError({ Id: FILE, Message: "again" }), end("1"));
    expect(errors.get("a/f")?.message).toBe("SharePoint: already exists (-2147024816)");
  });

  it("of one file twice are one file less", () => {
    const { confirmed } = outcome(fileError({ Id: FILE }), fileError({ Id: LIST_ITEM }), end("1"));
    expect(confirmed).toBe(true);
  });

  it("of a folder are no file less", () => {
    const error = event("JobError", { ObjectType: "Folder", Id: FOLDER });
    expect(outcome(error, end("2"))).toMatchObject({ confirmed: true });
    expect([...outcome(error, end("2")).errors.keys()]).toEqual(["a"]);
  });

  it("show no signature of a URL", () => {
    const url = "https://x.blob.core.windows.net/c/a.dat?sv=2021&sig=abc%2Fdef%3D&se=1";
    const { errors } = outcome(fileError({ Id: FILE, Message: `cannot read ${url}` }), end("1"));
    expect(errors.get("a/f")?.message).toContain("sig=***&se=1");
    expect(errors.get("a/f")?.message).not.toContain("abc");
  });

  it("stay short enough for a report", () => {
    const { errors } = outcome(fileError({ Id: FILE, Message: "x".repeat(5_000) }), end("1"));
    expect(errors.get("a/f")?.message).toHaveLength(1000);
  });
});

describe("news that come twice, late or not at all", () => {
  const failed = fileError({ Id: FILE });

  it("count once, in any order", () => {
    const told = [end("1", { TotalErrors: "1" }), failed, event("JobStart"), failed, failed];
    const { errors, confirmed } = outcome(...told);
    expect([...errors.keys()]).toEqual(["a/f"]);
    expect(confirmed).toBe(true);
    expect(outcome(...told.toReversed())).toEqual({ errors, confirmed });
  });

  it("leave a doubt when the end knows of more errors than were told", () => {
    expect(outcome(failed, end("1", { TotalErrors: "2" })).confirmed).toBe(false);
    expect(outcome(end("2", { TotalErrors: "1" })).confirmed).toBe(false);
  });
});

describe("the job's log", () => {
  const named = { ids, urls, files };

  it("names items that no event told of, which leaves a doubt", () => {
    const log = [{ ids: [STRANGER, LIST_ITEM], text: "The file is locked" }];
    expect(importOutcome([end()], named, log)).toEqual({
      errors: new Map([
        ["a/f", { code: "IMPORT_ITEM_FAILED", message: "SharePoint's log: The file is locked" }],
      ]),
      confirmed: false,
    });
  });

  it("adds nothing to what events told", () => {
    const told = [fileError({ Id: FILE, Message: "no" }), end("1", { TotalErrors: "1" })];
    const log = [
      { ids: [FILE], text: "no" },
      { ids: [STRANGER], text: "unknown" },
    ];
    expect(importOutcome(told, named, log)).toEqual(importOutcome(told, named));
  });
});

describe("a job that stopped", () => {
  it.each(["JobFatalError", "JobCancelled", "JobDeleted"])("with %s", (name) => {
    const { fatal, confirmed } = outcome(event(name, { Message: "Operation canceled" }));
    expect(fatal).toEqual({
      code: "IMPORT_JOB_FAILED",
      message: "SharePoint: Operation canceled",
    });
    expect(confirmed).toBe(false);
  });

  it("is not confirmed by an end that follows", () => {
    const { fatal, confirmed } = outcome(event("JobFatalError"), end());
    expect(fatal?.message).toBe("SharePoint: JobFatalError");
    expect(confirmed).toBe(false);
  });
});

describe("events", () => {
  it("are read whatever the case of their names, as text and as numbers", () => {
    const found = parseJobEvent('{"event":"JobEnd","filescreated":3,"TOTALERRORS":"1","Id":null}');
    expect(found).toMatchObject({ event: "JobEnd", contentsCreated: 3, totalErrors: 1, id: "" });
  });
});
