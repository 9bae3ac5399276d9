import { describe, expect, it } from "@jest/globals";
import { destinationSchema } from "./destinations.ts";

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
