/**
 * A SharePoint that does everything wrong at once: every item of every round ends in exactly one outcome, and the library is what
 * the reports say, item by item. When the trouble is over, the next round brings the rest. Checked by code that shares nothing with
 * the product.
 */
import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { makePlainTree } from "./support/plain-tree.ts";
import { readRecord } from "./support/record.ts";
import { countBy, pathOf, type Row, readReports } from "./support/reports.ts";
import {
  downloadReports,
  ended,
  type Json,
  type Running,
  startRunning,
  startTask,
} from "./support/running.ts";
import { contentHash, type Found, walk } from "./support/tree.ts";
import { troublesOf } from "./support/troubles.ts";
import { makeWorkspace, removeWorkspace, type Workspace } from "./support/workspace.ts";

const LIFETIME_SECONDS = 20;

/** Everything that the local SharePoint can do wrong, at rates that leave something to be migrated. */
const TROUBLE = {
  strictness: "strict",
  startDelayMs: 200,
  postponeMs: 300,
  throttleRate: 0.004,
  throttleStatus: 429,
  retryAfterSeconds: 1,
  minuteSeconds: 4,
  duplicateEventRate: 0.3,
  lateEventsMs: 300,
  reorderEventRate: 0.3,
  dropJobEnd: true,
  itemErrorRate: 0.04,
  fatalErrorRate: 0.2,
  fatalErrorMessage: "Operation canceled",
  slowImportMs: 5,
  existing: "append",
  recycleBinConflict: true,
  unknownLogins: ["a"],
  listViewThreshold: 20,
  containerLifetimeSeconds: LIFETIME_SECONDS,
};
const OTHER_TROUBLE = {
  seed: 2,
  throttleStatus: 503,
  fatalErrorMessage: "The server was unable to process the request",
  existing: "refuse",
};

/** Requests that may be on their way to SharePoint when it first says that its budget runs low. */
const AT_ONCE = 50;

/** Names that SharePoint refuses, and why. */
const UGLY: Record<string, string> = {
  'double "quotes".txt': "NAME_INVALID_CHARACTERS",
  "a:b.txt": "NAME_INVALID_CHARACTERS",
  "line\nbreak.txt": "NAME_INVALID_CHARACTERS",
  "trailing space.txt ": "NAME_LEADING_OR_TRAILING_SPACE",
  "ends with a period.": "NAME_TRAILING_PERIOD",
  "~$draft.docx": "NAME_RESERVED",
  Forms: "NAME_RESERVED",
  "Forms/below.txt": "PARENT_NOT_MIGRATED",
};
/** Names that it takes. */
const ODD = [
  "=1+1.txt",
  "#1 100% it's & a;b=c,d ~ [x] {y}.txt",
  "日本語/Straße – Größe.txt",
  "emoji \u{1f680}.txt",
  "cafe\u0301.txt",
  "deep/er/and/deeper/..file",
];

describe.each([
  {
    channel: "progress, in own containers",
    settings: { JOB_NEWS: "progress", CONTAINERS: "own" },
    ...{ files: 1_900, packageItems: 100, callsPerMinute: 250 },
  },
  {
    channel: "a queue, in lent containers",
    settings: { JOB_NEWS: "queue", CONTAINERS: "sharepoint" },
    ...{ files: 300, packageItems: 25, callsPerMinute: 80 },
  },
])(
  "all faults at once, with news by $channel",
  ({ settings, files, packageItems, callsPerMinute }) => {
    let workspace: Workspace;
    let running: Running;
    let task: string;
    let round = 0;
    const later = Date.UTC(2026, 0, 1) / 1000 + 40_000_000;
    /** How many rounds say of a path that they have migrated it. */
    const migrations = new Map<string, number>();
    const deleted = [1, 2, 3, 4].map((folder) => plain(folder));
    let theirs: Map<string, Content>;
    /** The library before the round. */
    let before: Map<string, Content>;

    beforeAll(async () => {
      workspace = makeWorkspace();
      makePlainTree(workspace.source, files);
      for (const path of [...ODD, ...Object.keys(UGLY)])
        if (path !== "Forms") write(path, `content of ${path}`);
      // Somebody else's work, more of it than SharePoint lists.
      for (let number = 0; number < 30; number++)
        write(`folder 0/not ours ${number}.txt`, "theirs", workspace.library);
      const environment = { ...settings, IMPORT_SILENCE_MS: "1200" };
      running = await startRunning(workspace, environment);
      theirs = contents(workspace.library);
      before = theirs;
      await running.setFaults({ ...TROUBLE, callsPerMinute });
      const parallel = { parallelPackages: 12, packageItems };
      task = await startTask(running, workspace.source, { settings: parallel });
    }, 300_000);

    afterAll(async () => {
      await running?.stop();
      if (workspace) await removeWorkspace(workspace);
    });

    function write(path: string, content: string | Uint8Array, root = workspace.source): void {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }

    /** Waits for the round's end, and holds what it says against the source and the library. */
    async function check(): Promise<{ view: Json; rows: Map<string, Row> }> {
      const view = await ended(running, task);
      const source = walk(workspace.source);
      const library = contents(workspace.library);
      const reports = readReports(await downloadReports(running, workspace, task, round), round);
      const all = reports.rows("ItemReport");
      const rows = new Map(all.map((row) => [pathOf(row, workspace.source), row]));
      // Exactly one row for each item.
      expect(all.map((row) => pathOf(row, workspace.source)).sort()).toEqual(
        [...source.keys()].sort(),
      );

      // The library is what it was, and what the rows say was migrated.
      const wanted = new Map(before);
      for (const [path, row] of rows) {
        if (row.Status !== "Migrated") continue;
        wanted.set(path, contentOf(source.get(path) as Found));
        migrations.set(path, (migrations.get(path) ?? 0) + 1);
      }
      expect(compare(wanted, library)).toEqual({});

      const { Migrated = 0, Failed = 0, Skipped = 0 } = countBy(all, "Status");
      expect(Migrated + Failed + Skipped).toBe(source.size);
      expect(view.round).toMatchObject({
        number: round,
        scanned: { items: source.size },
        migrated: { items: Migrated },
        failed: { items: Failed },
        skipped: { items: Skipped },
      });
      const failures = Failed === 0 ? [] : reports.rows("ItemFailureReport");
      const failed = failures.map((row) => pathOf(row, workspace.source));
      expect(failed.sort()).toEqual(
        [...rows].flatMap(([path, row]) => (row.Status === "Failed" ? [path] : [])).sort(),
      );
      for (const row of failures) {
        const ugly = UGLY[pathOf(row, workspace.source)];
        if (ugly) expect(row.Message).toContain(`${ugly}:`);
      }
      expect(reports.figures("ItemSummary")).toMatchObject({ Scanned: source.size, Migrated });
      before = library;
      round++;
      return { view, rows };
    }

    it("every item has one outcome, and it is the truth", async () => {
      // For a while containers expire as soon as they are there.
      await troublesOf(workspace, ({ jobs }) => jobs > 0);
      await running.setFaults({ containerLifetimeSeconds: 0 });
      await troublesOf(workspace, ({ expired }) => expired > 0);
      await running.setFaults({ containerLifetimeSeconds: LIFETIME_SECONDS });
      const { view, rows } = await check();
      expect(view.state).toBe("CompletedWithErrors");
      expect(rows.size).toBeGreaterThan(files);
      for (const path of Object.keys(UGLY)) expect(rows.get(path)?.Status).toBe("Failed");
    }, 300_000);

    it("and again, with what has changed, and what somebody has deleted", async () => {
      for (let number = 0; number < 60; number++) {
        write(plain(number), `changed content of ${number}`);
        utimesSync(join(workspace.source, plain(number)), later, later);
        write(`folder ${number % 7}/new file ${number}.txt`, `new content of ${number}`);
      }
      for (const path of deleted) rmSync(join(workspace.library, path), { force: true });
      before = contents(workspace.library);
      await running.setFaults({ ...TROUBLE, callsPerMinute, ...OTHER_TROUBLE });
      await running.call("POST", `tasks/${task}/run`);
      await check();
    }, 300_000);

    it("the trouble was met", async () => {
      const { jobs, ...troubles } = await troublesOf(workspace, () => true);
      for (const [trouble, count] of Object.entries(troubles))
        expect({ trouble, isMet: count > 0 }).toEqual({ trouble, isMet: true });
      const { unlucky, warned, overBudget, lowMinutes } = await running.callCounts();
      expect(unlucky).toBeGreaterThan(0);
      // Its budget was low again and again, and hardly ever overdrawn.
      expect(warned).toBeGreaterThan(0);
      expect(overBudget / lowMinutes).toBeLessThan(AT_ONCE);
    });

    it("when it is over, the next round brings the rest, and nothing came twice", async () => {
      await running.setFaults(null);
      await running.emptyRecycleBin();
      await running.call("POST", `tasks/${task}/run`);
      const { rows } = await check();
      const failed = [...rows].flatMap(([path, { Status }]) => (Status === "Failed" ? [path] : []));
      expect(failed.sort()).toEqual(Object.keys(UGLY).sort());
      const wanted = contents(workspace.source);
      for (const path of Object.keys(UGLY)) wanted.delete(path);
      for (const [path, content] of theirs) wanted.set(path, content);
      expect(compare(wanted, before)).toEqual({});

      await running.stop();
      const brought = [...readRecord(workspace.data).values()].filter(
        ({ kind, path, imports }) => kind === "file" && imports > 0 && !deleted.includes(path),
      );
      expect(brought.length).toBeGreaterThan(files);
      const again = brought.filter(({ path, imports }) => imports !== migrations.get(path));
      expect(again).toEqual([]);
    }, 300_000);
  },
);

/** What a file or folder of a library is: all that anybody can see of it. */
type Content = string;
const contentOf = ({ kind, full, size, modified }: Found): Content =>
  kind === "file" ? `file ${size} ${modified} ${contentHash(full)}` : kind;
/** The local SharePoint's own folder may stay when two jobs end at once; nothing may be in it. */
const TEMPORARY = ".~import";
const contents = (root: string) =>
  new Map(
    [...walk(root)].flatMap(([path, item]) =>
      path === TEMPORARY ? [] : [[path, contentOf(item)] as const],
    ),
  );

function compare(wanted: ReadonlyMap<string, Content>, found: ReadonlyMap<string, Content>) {
  const problems: Record<string, string> = {};
  for (const path of new Set([...wanted.keys(), ...found.keys()]))
    if (wanted.get(path) !== found.get(path))
      problems[path] = `${found.get(path)}, not ${wanted.get(path)}`;
  return problems;
}

/** A file of the plain tree. */
function plain(number: number) {
  return `folder ${number % 40}/file ${number}.bin`;
}
