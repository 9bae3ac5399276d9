import { describe, expect, it } from "@jest/globals";
import { settingsSchema } from "./settings.ts";
import { taskCreateSchema } from "./tasks.ts";

describe("a task", () => {
  const destination = {
    ...{ siteUrl: "https://contoso.sharepoint.com/sites/finance", library: "Documents" },
  };
  const create = (more: object = {}) => ({
    ...{ name: " Finance ", source: "/srv/finance", destination, ...more },
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
