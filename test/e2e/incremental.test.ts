/** The same command again and again on the same folders: what each round brings, and what it leaves alone. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { requireCode } from "./support/command.ts";
import { type RecordedItem, readRecord } from "./support/record.ts";
import { countBy, pathOf, type Row, readReports } from "./support/reports.ts";
import { differences, walk } from "./support/tree.ts";
import {
  type Migrated,
  makeWorkspace,
  migrate,
  removeWorkspace,
  type Workspace,
} from "./support/workspace.ts";

const FILES = 600;

let workspace: Workspace;
let rounds = 0;

/** One round; nothing of a clean tree may fail. */
async function nextRound(): Promise<{ run: Migrated; rows: Row[]; migrated: string[] }> {
  const run = await migrate(workspace);
  requireCode(run, 0);
  expect(run.json).toMatchObject({ status: "Completed", round: rounds, failed: { items: 0 } });
  const reports = readReports(run.json.reports, rounds);
  expect(reports.files).not.toContain(`ItemFailureReport_R${rounds}.csv`);
  rounds++;
  const rows = reports.rows("ItemReport");
  const migrated = rows.filter((row) => row.Status === "Migrated");
  expect(run.json.migrated.items).toBe(migrated.length);
  expect(countBy(rows, "Status").Skipped ?? 0).toBe(run.json.skipped.items);
  return { run, rows, migrated: migrated.map((row) => pathOf(row, workspace.source)).sort() };
}

const at = (path: string) => join(workspace.source, path);
function write(path: string, content: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
}
/** A modified time `seconds` after that of the last round, so that no test depends on the clock. */
function setTime(path: string, seconds: number): void {
  const time = Date.UTC(2020, 0, 1) / 1000 + seconds;
  utimesSync(at(path), time, time);
}
const name = (number: number) => `folder ${number % 7}/file ${number}.txt`;

let identities: Map<string, RecordedItem>;

beforeAll(async () => {
  workspace = makeWorkspace();
  for (let number = 0; number < FILES; number++) {
    write(name(number), `first content of ${number}\n`);
    setTime(name(number), number);
  }
  mkdirSync(at("empty"));
  const { run, migrated } = await nextRound();
  expect(migrated.length).toBe(FILES + 8);
  expect(run.stderr).toContain("Round R0 brings everything.");
  identities = readRecord(workspace.data);
}, 300_000);

afterAll(async () => {
  if (workspace) await removeWorkspace(workspace);
});

const idsOf = (record: ReadonlyMap<string, RecordedItem>) =>
  Object.fromEntries([...record].map(([path, { id, intId }]) => [path, { id, intId }]));

it("migrates nothing when nothing has changed, and says so", async () => {
  const { run, rows, migrated } = await nextRound();
  expect(migrated).toEqual([]);
  expect(run.stderr).toContain("Nothing to migrate: nothing is new or changed");
  expect(rows.length).toBe(FILES + 8);
  expect(rows.filter((row) => !row.Message?.startsWith("UNCHANGED: "))).toEqual([]);
  expect(countBy(rows, "Result category")).toEqual({ "MIGRATION SKIP": FILES + 8 });
  expect([...readRecord(workspace.data)]).toEqual([...identities]);
}, 300_000);

it("migrates the ten files that were touched, under the identities they have", async () => {
  const touched = Array.from({ length: 10 }, (_, index) => name(index * 61)).sort();
  for (const [index, path] of touched.entries()) {
    // Half of them are only touched, half have other content.
    if (index % 2 === 0) appendFileSync(at(path), "more\n");
    setTime(path, 100_000 + index);
  }
  expect((await nextRound()).migrated).toEqual(touched);
  expect(libraryProblems()).toEqual({});
  const record = readRecord(workspace.data);
  expect(idsOf(record)).toEqual(idsOf(identities));
  const again = [...record.values()].filter(({ kind, imports }) => kind === "file" && imports > 1);
  expect(again.map(({ path }) => path).sort()).toEqual(touched);
}, 300_000);

it("migrates new files and folders, and leaves at the destination what was deleted or renamed", async () => {
  const [deleted, renamed] = [name(3), name(4)];
  rmSync(at(deleted));
  renameSync(at(renamed), at("folder 4/another name.txt"));
  write("new folder/below/new.txt", "new\n");
  write("at the root.txt", "new\n");
  const { rows, migrated } = await nextRound();
  expect(migrated).toEqual(
    [
      "at the root.txt",
      "folder 4/another name.txt",
      ...["new folder", "new folder/below", "new folder/below/new.txt"],
    ].sort(),
  );
  const reported = rows.map((row) => pathOf(row, workspace.source));
  expect(reported).not.toContain(deleted);
  expect(reported).not.toContain(renamed);
  expect(libraryProblems()).toEqual({
    [deleted]: "not in the source",
    [renamed]: "not in the source",
  });
}, 300_000);

it("leaves a file alone that was replaced by an older one, and takes one of the same time and another size", async () => {
  const [older, resized] = [name(10), name(11)];
  const before = readFileSync(join(workspace.library, older), "utf8");
  writeFileSync(at(older), "an older version\n");
  setTime(older, -1_000_000);
  writeFileSync(at(resized), "another size, the same time\n");
  setTime(resized, 11);
  expect((await nextRound()).migrated).toEqual([resized]);
  expect(readFileSync(join(workspace.library, older), "utf8")).toBe(before);
  expect(readFileSync(join(workspace.library, resized), "utf8")).toBe(
    "another size, the same time\n",
  );
}, 300_000);

it("says that it finished an empty round when the source has become empty", async () => {
  rmSync(workspace.source, { recursive: true });
  mkdirSync(workspace.source);
  const { run, rows } = await nextRound();
  expect(rows).toEqual([]);
  expect(run.json.scanned.items).toBe(0);
  expect(existsSync(join(workspace.library, name(0)))).toBe(true);
}, 300_000);

function libraryProblems(): Record<string, string> {
  const problems = differences(walk(workspace.source).values(), walk(workspace.library));
  // Folders that are there already keep the time they came with.
  for (const [path, problem] of Object.entries(problems))
    if (/^folder \d$/.test(path) && problem.startsWith("modified")) delete problems[path];
  return problems;
}
