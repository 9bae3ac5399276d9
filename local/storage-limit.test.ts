import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { createSizeWatch } from "./storage-limit.ts";
import { inTemporaryFolder } from "./supervisor/test-support.ts";

it("warns once at each threshold of each file", () =>
  inTemporaryFolder(async (folder) => {
    const look = createSizeWatch(folder);
    expect(look()).toBeUndefined();
    const files = ["__azurite_db_table__.json", "other.json", "AzuriteConfig"];
    const [table = "", other = "", config = ""] = files.map((name) => join(folder, name));
    for (const file of [table, other, config]) writeFileSync(file, "{}");
    expect(look()).toBeUndefined();
    // Sparse files: only their length counts.
    truncateSync(table, 300_000_000);
    truncateSync(config, 500_000_000);
    expect(look()).toMatch(/table__\.json has reached 55 % of the 537 MB/);
    expect(look()).toBeUndefined();
    for (const file of [table, other]) truncateSync(file, 490_000_000);
    expect([look(), look(), look()]).toEqual([
      expect.stringContaining("91 %"),
      expect.stringContaining("other.json"),
      undefined,
    ]);
  }));
