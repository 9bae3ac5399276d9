import { join } from "node:path";
import { expect } from "@jest/globals";
import { filesHolding } from "./byte-search.ts";
import { requireCode } from "./command.ts";
import { gone } from "./processes.ts";
import { readRecord } from "./record.ts";
import { pathOf, readReports } from "./reports.ts";
import { differences, walk } from "./tree.ts";
import type { Migrated, Workspace } from "./workspace.ts";

/**
 * What has to be true after a round in which nothing can fail, whatever was killed meanwhile: everything is there, every item
 * is told of once, hardly any file was imported twice, nobody is left, and no log gives a signature away. `earlier`: items that
 * the rounds before have brought. `storageForgets`: Azurite was killed, which saves every five seconds; on a quick machine that is
 * all that the round had done. What nobody knows of is then found at the destination and left alone, or comes again, under the
 * same identity.
 */
export async function expectWholeRound(
  workspace: Workspace,
  run: Migrated,
  { round = 0, earlier = 0, storageForgets = false } = {},
): Promise<void> {
  const source = walk(workspace.source);
  const items = source.size;
  requireCode(run, 0);
  expect(run.json).toMatchObject({
    status: "Completed",
    round,
    scanned: { items },
    failed: { items: 0 },
  });
  const { migrated: brought, skipped } = run.json;
  expect(brought.items + skipped.items).toBe(items);
  if (storageForgets) expect(skipped.items).toBeGreaterThanOrEqual(earlier);
  else expect(skipped.items).toBe(earlier);
  expect(differences(source.values(), walk(workspace.library))).toEqual({});

  const reports = readReports(run.json.reports, round);
  const rows = reports.rows("ItemReport");
  const reported = rows.map((row) => pathOf(row, workspace.source));
  expect(reported.sort()).toEqual([...source.keys()].sort());
  const migrated = rows.filter((row) => row.Status === "Migrated").length;
  expect(migrated).toBe(brought.items);
  const left = rows.filter((row) => row.Status === "Skipped").map(({ Message }) => Message);
  const allowed = storageForgets ? /^(UNCHANGED|EXISTS_AT_DESTINATION): / : /^UNCHANGED: /;
  expect(left.filter((message) => !allowed.test(message ?? ""))).toEqual([]);
  expect(reports.figures("ItemSummary")).toMatchObject({ Scanned: items, Migrated: migrated });
  expect(reports.figures("ScanSummary")).toMatchObject({ "Total scanned items": items });
  expect(reports.figures("Aggregate Summary Report")).toMatchObject({ "Migrated items": migrated });

  const record = [...readRecord(workspace.data).values()];
  expect(record.length).toBe(items);
  expect(record.filter(({ state }) => state !== "present")).toEqual([]);
  const files = record.filter(({ kind }) => kind === "file");
  // A package that was on its way may come again; all the others must not.
  const again = files.filter(({ imports }) => imports > 1).length;
  if (!storageForgets) expect(again).toBeLessThan(files.length / 4);

  expect(await gone(workspace.root, 0)).toEqual([]);
  // Errors like to repeat the URL of a request.
  expect(filesHolding(join(workspace.data, "logs"), [Buffer.from("sig=")])).toEqual([]);
}
