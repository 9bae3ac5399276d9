/**
 * A migration in containers that SharePoint lends, told of by its queue, and what of their secrets lies anywhere afterwards; and how a
 * round ends whose containers are never any good.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { filesHolding, spellings } from "./support/byte-search.ts";
import { requireCode, startCommand } from "./support/command.ts";
import { packageRows, type WrappedKey, watchKeys } from "./support/package-keys.ts";
import { makePlainTree } from "./support/plain-tree.ts";
import { readReports } from "./support/reports.ts";
import {
  downloadReports,
  ended,
  type Running,
  startRunning,
  startTask,
} from "./support/running.ts";
import { openData } from "./support/storage.ts";
import { contentHash, walk } from "./support/tree.ts";
import {
  type Migrated,
  makeWorkspace,
  migrate,
  removeWorkspace,
  type Workspace,
} from "./support/workspace.ts";

describe("containers that SharePoint lends", () => {
  let workspace: Workspace;
  let run: Migrated;
  let keys: Map<string, WrappedKey>;

  beforeAll(async () => {
    // Settings of the app, as a deployment would have them.
    Object.assign(process.env, { CONTAINERS: "sharepoint", JOB_NEWS: "queue" });
    workspace = makeWorkspace();
    makePlainTree(workspace.source, 60);
    const watching = watchKeys(workspace.data);
    run = await migrate(workspace);
    keys = await watching.stop();
  }, 300_000);

  afterAll(async () => {
    for (const name of ["CONTAINERS", "JOB_NEWS"]) delete process.env[name];
    if (workspace) await removeWorkspace(workspace);
  });

  it("brings everything", () => {
    requireCode(run, 0);
    const library = walk(workspace.library);
    for (const { path, kind, full } of walk(workspace.source).values())
      if (kind === "file")
        expect(contentHash(library.get(path)?.full ?? "")).toBe(contentHash(full));
  });

  it("leaves no key and no signature, in whatever spelling, in any store", async () => {
    const parts = startCommand("start", ["--data", workspace.data, "--agents", "1"]);
    try {
      await parts.says(/Longshore is running/);
      const open = openData(workspace.data);
      const rows = await packageRows(open);
      expect(rows.length).toBeGreaterThan(0);
      for (const { containers, key } of rows) {
        expect(containers).toMatchObject({ lent: true });
        expect(key).toBeUndefined();
      }
      expect(keys.size).toBe(rows.length);
      for (const { id, wrapped } of keys.values()) {
        const clear = await open.unwrap(id, Buffer.from(wrapped, "base64"));
        expect(filesHolding(workspace.data, spellings(clear))).toEqual([]);
      }
    } finally {
      parts.child.kill("SIGTERM");
      await parts.ended;
    }
    for (const store of ["azurite-table", "azurite-queue", "functions-host", "service-bus", "logs"])
      expect(filesHolding(join(workspace.data, store), [Buffer.from("sig=")])).toEqual([]);
  });
});

describe.each([
  ["lent by SharePoint", "sharepoint", "CONTAINER_REFUSED", "0x01610001"],
  ["its own", "own", "IMPORT_JOB_FAILED", "0x01710006"],
])("containers %s, over as soon as they are there", (_whose, CONTAINERS, code, legacy) => {
  const FILES = 60;
  let workspace: Workspace;
  let running: Running;
  let task: string;
  const reportsOf = async (round: number) =>
    readReports(await downloadReports(running, workspace, task, round), round);

  beforeAll(async () => {
    workspace = makeWorkspace();
    makePlainTree(workspace.source, FILES);
    const settings = { CONTAINERS, JOB_NEWS: "queue", IMPORT_SILENCE_MS: "1200" };
    running = await startRunning(workspace, settings);
    await running.setFaults({ containerLifetimeSeconds: 0 });
    task = await startTask(running, workspace.source, { settings: { packageItems: 40 } });
  }, 300_000);
  afterAll(async () => {
    await running?.stop();
    if (workspace) await removeWorkspace(workspace);
  });

  it("end the round after two attempts for each package, with the reason for each item", async () => {
    expect(await ended(running, task)).toMatchObject({ state: "CompletedWithErrors" });
    const reports = await reportsOf(0);
    const failed = reports.rows("ItemFailureReport");
    expect(failed.length).toBeGreaterThan(FILES);
    expect(failed.length).toBe(reports.rows("ItemReport").length);
    for (const row of failed) {
      expect(row["Error code"]).toBe(legacy);
      expect(row.Message).toContain(`${code}: `);
    }
    const packages = await packageRows(openData(workspace.data));
    expect(packages.length).toBeGreaterThan(1);
    for (const { attempt } of packages) expect(attempt).toBe(2);
  }, 300_000);

  it("are forgotten when the next round has good ones", async () => {
    await running.setFaults(null);
    await running.call("POST", `tasks/${task}/run`);
    expect(await ended(running, task)).toMatchObject({ state: "Completed" });
    const rows = (await reportsOf(1)).rows("ItemReport");
    expect(rows.length).toBeGreaterThan(FILES);
    expect(rows.filter(({ Status }) => Status !== "Migrated")).toEqual([]);
  }, 300_000);
});
