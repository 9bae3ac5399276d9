/**
 * Pause and resume of a real migration, with real agents: slots are free while it is paused, another agent goes on with it, and
 * killing the control plane while it pauses changes nothing. What arrived is checked by code that shares nothing with the product.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type RunningCommand, startCommand } from "./support/command.ts";
import { readCsv } from "./support/csv.ts";
import { arrivedItems } from "./support/middle.ts";
import { makePlainTree } from "./support/plain-tree.ts";
import { killAll, processesNaming } from "./support/processes.ts";
import { readRecord } from "./support/record.ts";
import { differences, walk } from "./support/tree.ts";
import { makeWorkspace, removeWorkspace, type Workspace } from "./support/workspace.ts";

let workspace: Workspace;
let start: RunningCommand;
let url: string;
let key: string;
let items: number;
let task: string;

beforeAll(async () => {
  workspace = makeWorkspace();
  items = makePlainTree(workspace.source, 4_000);
  const flags = ["--data", workspace.data, "--library", workspace.library, "--agents", "2"];
  start = startCommand("start", flags);
  await start.says(/Ctrl-C stops everything/);
  [, url = ""] = /API +(http:\S+)/.exec(start.said()) ?? [];
  [, key = ""] = /admin key +(\S+)/.exec(start.said()) ?? [];
}, 300_000);

afterAll(async () => {
  if (workspace) await removeWorkspace(workspace);
});

// biome-ignore lint/suspicious/noExplicitAny: JSON of another program
type Json = any;

async function call(method: string, path: string, body?: object): Promise<Json> {
  const answer = await fetch(`${url}/${path}`, {
    method,
    headers: {
      ...{ "x-functions-key": key, "if-match": "*" },
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text.startsWith("{") ? JSON.parse(text) : text;
}
/** Into a file, byte by byte. */
async function download(path: string): Promise<string> {
  const answer = await fetch(`${url}/${path}`, { headers: { "x-functions-key": key } });
  const file = join(workspace.root, "report.csv");
  writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
  return file;
}
const view = () => call("GET", `tasks/${task}`);

/** Polls until the task is as wanted; while the control plane is away, too. */
async function until(wanted: (view: Json) => boolean, seconds = 90): Promise<Json> {
  let last: Json;
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await delay(100)) {
    last = await view().catch((error: Error) => error.message);
    if (typeof last === "object" && wanted(last)) return last;
  }
  throw new Error(`not in time: ${JSON.stringify(last)}`);
}
const inState = (state: string) => until((task) => task.state === state);
const agents = async () =>
  (await call("GET", "agents")).agents as { id: string; name: string; busy: number }[];

/** What must be so of a paused task. */
async function expectPaused(): Promise<void> {
  const paused = await inState("Paused");
  expect(paused.round).toMatchObject({ state: "Paused" });
  expect(paused.waitingFor).toMatchObject({ remedy: expect.stringContaining("Resume") });
  expect(paused.round.progress.percent).toBeLessThan(100);
  // Slots are free, and nothing arrives once SharePoint is through with the jobs that it had.
  for (const end = Date.now() + 10_000; ; await delay(200)) {
    const busy = (await agents()).filter((agent) => agent.busy > 0);
    if (busy.length === 0) break;
    if (Date.now() > end) throw new Error(`still busy: ${JSON.stringify(busy)}`);
  }
}

it("is paused in the middle, and frees the agents", async () => {
  const session = await call("POST", "sessions", { name: "pause" });
  const [, site = ""] = /(http:\S+\/sites\/library-[0-9a-f]+) is /.exec(start.said()) ?? [];
  const created = await call("POST", `sessions/${session.id}/tasks`, {
    name: "pause",
    source: workspace.source,
    destination: { siteUrl: site, library: "Documents" },
    settings: { packageItems: 50, parallelPackages: 4 },
  });
  task = created.id;
  await until(({ round }) => round?.migrated.items > items / 20);
  await call("POST", `tasks/${task}/pause`);
  await expectPaused();
  expect(arrivedItems(workspace)).toBeLessThan(items);
}, 300_000);

it("is resumed by another agent, and paused again while the control plane is killed", async () => {
  const before = await view();
  const [first] = await agents();
  await call("PATCH", `agents/${first?.id}`, { enabled: false });
  await call("POST", `tasks/${task}/resume`);
  await until(({ round }) => round.migrated.items > before.round.migrated.items + items / 20);
  await call("POST", `tasks/${task}/pause`);
  killAll(
    processesNaming(workspace.root).filter(({ commandLine }) =>
      commandLine.includes("functions-host/main.js"),
    ),
  );
  await expectPaused();
  expect(arrivedItems(workspace)).toBeLessThan(items);
}, 300_000);

it("comes to its end, and has done nothing twice", async () => {
  await call("POST", `tasks/${task}/resume`);
  const ended = await until(({ state }) => !["Queued", "InProgress"].includes(state), 200);
  expect(ended).toMatchObject({
    state: "Completed",
    round: {
      number: 0,
      scanned: { items },
      migrated: { items },
      skipped: { items: 0 },
      failed: { items: 0 },
      progress: { percent: 100 },
    },
  });
  const source = walk(workspace.source);
  expect(differences(source.values(), walk(workspace.library))).toEqual({});

  const { rows } = readCsv(await download(`tasks/${task}/rounds/0/reports/ItemReport_R0.csv`));
  expect(rows.map((row) => row.Source).sort()).toEqual(
    [...source.keys()].map((path) => `${workspace.source}/${path}`).sort(),
  );
  const devices = new Set(rows.map((row) => row["Device name"]).filter(Boolean));
  expect([...devices].sort()).toEqual(["agent-1", "agent-2"]);

  start.child.kill("SIGTERM");
  await start.ended;
  const record = [...readRecord(workspace.data).values()];
  expect(record.length).toBe(items);
  const files = record.filter(({ kind }) => kind === "file");
  // A package that was on its way when the control plane was killed may come again; all the others must not.
  const again = files.filter(({ imports }) => imports > 1).length;
  expect(again).toBeLessThanOrEqual(4 * 50);
}, 300_000);

it("can be cancelled and deleted as well, with all that is known of it", async () => {
  start = startCommand("start", ["--data", workspace.data, "--library", workspace.library]);
  await start.says(/Ctrl-C stops everything/);
  await call("POST", `tasks/${task}/run`);
  await call("POST", `tasks/${task}/cancel`).catch(() => undefined);
  await until(({ state }) => ["Cancelled", "Completed"].includes(state));
  await call("DELETE", `tasks/${task}`);
  await expect(view()).rejects.toThrow("404");
}, 300_000);
