import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { openLogFile } from "./log-file.ts";
import { inTemporaryFolder } from "./test-support.ts";

describe("openLogFile", () => {
  it("keeps the newest lines in as many files as it may, also from one run to the next", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "logs", "a.log");
      for (const run of [0, 1]) {
        const log = openLogFile(path, 40, 3);
        for (let line = 0; line < 10; line++) log.write(`run ${run} line ${line}\n`);
        log.close();
      }
      const kept = [".2", ".1", ""].map((end) => readFileSync(path + end, "utf8"));
      for (const text of kept) expect(text.length).toBeLessThanOrEqual(40);
      expect(kept.join("")).toMatch(/^run 1 line 2\n(run 1 line \d\n)*run 1 line 9\n$/);
      expect(existsSync(`${path}.3`)).toBe(false);
    }));
});
