import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { createLog } from "../log.ts";
import { SourceProblem } from "./read.ts";
import { createPastReader } from "./read-past.ts";
import { openSnapshots } from "./snapshots.ts";

it("a share that was away for a moment is asked again, and nothing but the file has a problem", async () => {
  const root = join(mkdtempSync(join(tmpdir(), "past-")), "share");
  const snapshot = "daily.2026-03-01_0010";
  const old = join(root, ".snapshot", snapshot);
  mkdirSync(old, { recursive: true });
  writeFileSync(join(old, "a.txt"), "old");
  const modified = Date.UTC(2026, 0, 1);
  utimesSync(join(old, "a.txt"), modified / 1000, modified / 1000);
  const past = createPastReader(openSnapshots(root, { roots: [], log: createLog("silent") }));
  const open = () => past.open("a.txt", { snapshot, size: 3, modified });
  renameSync(root, `${root} away`);
  await expect(open()).rejects.toBeInstanceOf(SourceProblem);
  renameSync(`${root} away`, root);
  await (await open()).close();
  rmSync(join(root, ".."), { recursive: true });
});
