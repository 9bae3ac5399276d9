import { describe, expect, it } from "@jest/globals";
import { settingsSchema } from "./settings.ts";
import { destinationSchema, taskCreateSchema } from "./tasks.ts";

const destination = (more: object = {}) => ({
  ...{ siteUrl: "https://contoso.sharepoint.com/sites/finance", library: "Documents", ...more },
});
const messagesOf = (input: unknown) => {
  const { error } = destinationSchema.safeParse(input);
  return error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
};

describe("a destination", () => {
  it.each([
    [
      "https://contoso.sharepoint.com/sites/finance/",
      "https://contoso.sharepoint.com/sites/finance",
    ],
    ["https://contoso.sharepoint.com", "https://contoso.sharepoint.com"],
    ["http://127.0.0.1:4711/sites/finance", "http://127.0.0.1:4711/sites/finance"],
    ["http://localhost:4711/sites/finance//", "http://localhost:4711/sites/finance"],
    ["jane.doe@contoso.com", "jane.doe@contoso.com"],
  ])("may be %s", (siteUrl, kept) => {
    expect(destinationSchema.parse(destination({ siteUrl })).siteUrl).toBe(kept);
  });

  it.each([
    "http://contoso.sharepoint.com",
    "ftp://127.0.0.1",
    "contoso",
    "",
    "https://contoso.sharepoint.com/sites/finance?web=1",
    "https://contoso.sharepoint.com/sites/finance#here",
    "https://contoso-my.sharepoint.com/personal/jane/_layouts/15/onedrive.aspx",
  ])("may not be %j", (siteUrl) =>
    expect(messagesOf(destination({ siteUrl })).join()).toMatch(/^siteUrl: /),
  );

  it.each([
    [undefined, ""],
    ["", ""],
    ["/", ""],
    ["/Old//New/", "Old/New"],
    ["Old/It's 100% #1", "Old/It's 100% #1"],
    ["Old/Forms", "Old/Forms"],
  ])("may be the folder %j", (folder, kept) => {
    expect(destinationSchema.parse(destination({ folder })).folder).toBe(kept);
  });

  it.each([
    ["Old/a:b", 'folder: "a:b": SharePoint does not allow the character :'],
    ["../Old", 'folder: "..": '],
    ["Old/.", 'folder: ".": '],
    ["Forms", 'folder: "Forms": SharePoint keeps "Forms" at the root'],
    ["Old /New", 'folder: "Old ": the name starts or ends with a space'],
    ["a\\b", 'folder: "a\\b": '],
    [`${"n".repeat(256)}`, "255"],
    ["n/".repeat(201), "folder: "],
  ])("may not be the folder %j, and says why", (folder, message) => {
    expect(messagesOf(destination({ folder })).join()).toContain(message);
  });
});

describe("a task", () => {
  const create = (more: object = {}) => ({
    ...{ name: " Finance ", source: "/srv/finance", destination: destination(), ...more },
  });

  it("has settings within SharePoint's limits", () => {
    expect(settingsSchema.parse({})).toMatchObject({
      ...{ parallelPackages: 6, packageItems: 250, packageBytes: 250_000_000 },
      ...{ archiveSmallFiles: true, attemptsPerItem: 3 },
    });
    for (const wrong of [{ packageItems: 0 }, { parallelPackages: 17 }, { packageBytes: 1 }])
      expect(settingsSchema.safeParse(wrong).success).toBe(false);
  });

  it("is in the default group, under a trimmed name, with each tag once", () => {
    expect(taskCreateSchema.parse(create({ tags: ["hr", " hr", "HR"] }))).toMatchObject({
      ...{ name: "Finance", agentGroup: "default", tags: ["hr", "HR"] },
    });
  });

  it.each([
    ["name", { name: "  " }],
    ["source", { source: "" }],
    // A row of a table takes 64 KB.
    ["source", { source: `/${"s".repeat(4_096)}` }],
    ["source", { source: "relative/path" }],
    ["source", { source: "/srv/\u0000" }],
    ["schedule.at", { schedule: { at: "2020-01-01T00:00:00Z" } }],
    ["agentGroup", { agentGroup: "Paris" }],
    ["settings.packageItems", { settings: { packageItems: 1.5 } }],
    ["start", { start: "later" }],
    ["tags.0", { tags: ["a;b"] }],
    ["tags", { tags: Array.from({ length: 11 }, (_, number) => `tag ${number}`) }],
  ])("is refused for its %s", (field, more) => {
    const { error } = taskCreateSchema.safeParse(create(more));
    expect(error?.issues.map(({ path }) => path.join("."))).toEqual([field]);
  });
});
