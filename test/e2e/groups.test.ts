/**
 * Agent groups with real agents: work goes to the agents of its group and to no others, an agent is moved while it runs, a group
 * without agents says so, and nobody has made a queue for any of it.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type RunningCommand, repository, startCommand } from "./support/command.ts";
import { readCsv } from "./support/csv.ts";
import { makePlainTree } from "./support/plain-tree.ts";
import { killAll, processesNaming } from "./support/processes.ts";
import { differences, walk } from "./support/tree.ts";
import { makeWorkspace, removeWorkspace, type Workspace } from "./support/workspace.ts";

const run = promisify(execFile);
const AGENT = join(repository, "dist/agent/main.js");

let workspace: Workspace;
let start: RunningCommand;
let url: string;
let key: string;
let session: string;

beforeAll(async () => {
  workspace = makeWorkspace();
  makePlainTree(workspace.source, 120);
  const flags = ["--data", workspace.data, "--library", workspace.library, "--agents", "2"];
  start = startCommand("start", flags);
  await start.says(/Ctrl-C stops everything/);
  [, url = ""] = /API +(http:\S+)/.exec(start.said()) ?? [];
  [, key = ""] = /admin key +(\S+)/.exec(start.said()) ?? [];
  session = (await call("POST", "sessions", { name: "groups" })).id;
}, 300_000);

afterAll(async () => {
  if (workspace) await removeWorkspace(workspace);
});

// biome-ignore lint/suspicious/noExplicitAny: JSON of another program
type Json = any;

async function call(method: string, path: string, body?: object, ifMatch = "*"): Promise<Json> {
  const answer = await fetch(`${url}/${path}`, {
    method,
    headers: {
      ...{ "x-functions-key": key, "if-match": ifMatch },
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text.startsWith("{") ? JSON.parse(text) : text;
}

async function idOf(name: string): Promise<string> {
  const { agents } = await call("GET", "agents");
  return agents.find((agent: Json) => agent.name === name).id;
}
const change = async (name: string, changes: object) =>
  call("PATCH", `agents/${await idOf(name)}`, changes);
/** Process ids of the agents that `npm start` runs. */
const agentProcesses = () =>
  processesNaming(join(workspace.data, "agents"))
    .map(({ pid }) => pid)
    .sort();

/** Starts a task for the whole source, into a folder of its name. */
async function migrate(name: string, agentGroup: string): Promise<string> {
  const [, siteUrl = ""] = /(http:\S+\/sites\/library-[0-9a-f]+) is /.exec(start.said()) ?? [];
  const task = await call("POST", `sessions/${session}/tasks`, {
    ...{ name, source: workspace.source, agentGroup },
    destination: { siteUrl, library: "Documents", folder: name },
    // Many packages, so that every agent who may take one has the chance.
    settings: { packageItems: 20 },
  });
  return task.id;
}

async function until(task: string, wanted: (view: Json) => boolean): Promise<Json> {
  let last: Json;
  for (const end = Date.now() + 90_000; Date.now() < end; await delay(100)) {
    last = await call("GET", `tasks/${task}`);
    if (wanted(last)) return last;
  }
  throw new Error(`not in time: ${JSON.stringify(last)}`);
}

/** Waits until the task is completed and everything is there; says which agents its report names. */
async function workersOf(task: string): Promise<string[]> {
  const { state, name } = await until(task, (view) => !/^(Queued|InProgress)$/.test(view.state));
  expect(state).toBe("Completed");
  const library = walk(join(workspace.library, name));
  expect(differences(walk(workspace.source).values(), library)).toEqual({});
  const path = `tasks/${task}/rounds/0/reports/ItemReport_R0.csv`;
  const answer = await fetch(`${url}/${path}`, { headers: { "x-functions-key": key } });
  const file = join(workspace.root, "report.csv");
  writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
  const { rows } = readCsv(file);
  return [...new Set(rows.map((row) => row["Device name"] ?? ""))].filter(Boolean).sort();
}

const env = { ...process.env, NODE_OPTIONS: "" };

/** Enrols an agent; returns its folder. */
async function configureAgent(name: string, group: string, ...more: string[]): Promise<string> {
  const folder = join(workspace.root, name);
  const { token } = await call("POST", "enrolment-tokens", { uses: 1 });
  const base = url.replace(/\/api\/v1$/, "");
  const flags = ["--url", base, "--name", name, "--group", group, "--data", folder, ...more];
  await run(process.execPath, [AGENT, "configure", ...flags], {
    env: { ...env, LONGSHORE_ENROLMENT_TOKEN: token },
  });
  return folder;
}

it("gives the work of a group to its agents, also to one that was moved a moment ago", async () => {
  const id = await idOf("agent-2");
  const answer = await fetch(`${url}/agents/${id}`, { headers: { "x-functions-key": key } });
  const etag = answer.headers.get("etag") ?? "";
  await call("PATCH", `agents/${id}`, { group: "paris" }, etag);
  await expect(call("PATCH", `agents/${id}`, { group: "lyon" }, etag)).rejects.toThrow("412");
  const tasks = [await migrate("one", "default"), await migrate("two", "paris")];
  expect(await Promise.all(tasks.map(workersOf))).toEqual([["agent-1"], ["agent-2"]]);
}, 300_000);

it("moves an agent without a restart, and gives a disabled one nothing", async () => {
  const before = agentProcesses();
  await change("agent-2", { enabled: false });
  await change("agent-1", { group: "paris" });
  expect(await workersOf(await migrate("three", "paris"))).toEqual(["agent-1"]);
  await change("agent-1", { enabled: false });
  const task = await migrate("four", "paris");
  const { waitingFor } = await until(
    task,
    (view) => view.state === "InProgress" && view.waitingFor,
  );
  expect(waitingFor.reason).toBe("group paris has no connected agent (2 disabled)");
  await change("agent-2", { enabled: true });
  expect(await workersOf(task)).toEqual(["agent-2"]);
  expect(agentProcesses()).toEqual(before);
}, 300_000);

it("says that a group has no agent, and goes on when one joins, with Service Bus killed meanwhile", async () => {
  const task = await migrate("five", "lyon");
  const { waitingFor } = await until(
    task,
    (view) => view.state === "InProgress" && view.waitingFor,
  );
  expect(waitingFor).toEqual({
    reason: "group lyon has no agent",
    remedy: expect.stringContaining("--group lyon"),
  });
  const folder = await configureAgent("agent-3", "lyon");
  const { stdout } = await run(process.execPath, [AGENT, "check", "--data", folder], { env });
  expect(stdout).toContain('"work-lyon" accepts the credential');
  // Its queue is there after that, and so is the message in it.
  killAll(
    processesNaming(workspace.root).filter(({ commandLine }) =>
      commandLine.includes("service-bus/main.js"),
    ),
  );
  spawn(process.execPath, [AGENT, "run", "--data", folder], { env, stdio: "ignore" });
  expect(await workersOf(task)).toEqual(["agent-3"]);
}, 300_000);

it("leaves a source to those of a group that may read it", async () => {
  const elsewhere = join(workspace.root, "elsewhere");
  mkdirSync(elsewhere);
  const folder = await configureAgent("agent-4", "lyon", "--root", elsewhere);
  spawn(process.execPath, [AGENT, "run", "--data", folder], { env, stdio: "ignore" });
  for (let isThere = false; !isThere; await delay(100)) {
    const { agents } = await call("GET", "agents");
    isThere = agents.some((each: Json) => each.name === "agent-4" && each.sourceRoots.length === 1);
  }
  expect(await workersOf(await migrate("six", "lyon"))).toEqual(["agent-3"]);
}, 300_000);
