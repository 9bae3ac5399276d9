/** `npm start`: what it prints is enough to migrate a folder by hand, and it stops with everything it started. */
import { execFile, spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type RunningCommand, startCommand } from "./support/command.ts";
import { makePlainTree } from "./support/plain-tree.ts";
import { gone, processesNaming } from "./support/processes.ts";
import { differences, walk } from "./support/tree.ts";
import { makeWorkspace, removeWorkspace, type Workspace } from "./support/workspace.ts";

const run = promisify(execFile);
const hasCurl = spawnSync("curl", ["--version"]).status === 0;

let workspace: Workspace;
let start: RunningCommand;

beforeAll(async () => {
  workspace = makeWorkspace();
  makePlainTree(workspace.source, 300);
  start = startCommand("start", ["--data", workspace.data, "--library", workspace.library]);
  await start.says(/Ctrl-C stops everything/);
}, 300_000);

afterAll(async () => {
  if (workspace) await removeWorkspace(workspace);
});

/** The commands that start prints, as they stand there. */
function example(): { key: string; commands: string[] } {
  const lines = start.said().split("\n");
  const key = lines.find((line) => line.startsWith("  KEY="))?.trim() ?? "";
  const text = lines.slice(lines.findIndex((line) => line.startsWith("  KEY=")) + 1).join("\n");
  const commands = text
    .split(/^ {2}(?=curl )/m)
    .slice(1)
    .map((each) => each.split(/\n\n/)[0] ?? "");
  return { key, commands: commands.map((each) => each.trim()) };
}

/** Runs a command of the example as a shell would; without curl on this machine, the request that it describes. */
async function perform(command: string): Promise<Record<string, unknown>> {
  const { key } = example();
  if (hasCurl) {
    const { stdout } = await run("bash", ["-c", `${key}\n${command}`]);
    return JSON.parse(stdout);
  }
  const [, url = ""] = / (http:\S+)/.exec(command) ?? [];
  const [, body] = / -d '(.*)'$/s.exec(command) ?? [];
  const headers = {
    "x-functions-key": key.replace("KEY=", ""),
    "content-type": "application/json",
  };
  const answer = await fetch(url, body ? { method: "POST", headers, body } : { headers });
  return (await answer.json()) as Record<string, unknown>;
}

it("prints where it is, the key, and what each library is", () => {
  expect(start.said()).toMatch(/API +http:\/\/127\.0\.0\.1:\d+\/api\/v1\n/);
  expect(start.said()).toMatch(/admin key +\S{20,}\n/);
  expect(start.said()).toMatch(
    new RegExp(`http://127\\.0\\.0\\.1:\\d+/sites/library-[0-9a-f]{8} is ${workspace.library}\n`),
  );
  expect(example().commands.length).toBe(3);
});

it("migrates a folder with the very commands that it prints", async () => {
  const [makeSession = "", makeTask = "", look = ""] = example().commands;
  const session = await perform(makeSession);
  expect(session).toMatchObject({ id: expect.any(String), name: "First session" });
  const task = await perform(
    makeTask
      .replace("<session id>", String(session.id))
      .replace("/path/of/a/folder", workspace.source),
  );
  expect(task).toMatchObject({ id: expect.any(String), name: "First task" });
  for (;;) {
    const { state } = await perform(look.replace("<task id>", String(task.id)));
    if (state === "Completed") break;
    expect(["Queued", "InProgress"]).toContain(state);
    await delay(200);
  }
  expect(differences(walk(workspace.source).values(), walk(workspace.library))).toEqual({});
}, 300_000);

it("answers nobody without the key", async () => {
  const [, url = ""] = /API +(http:\S+)/.exec(start.said()) ?? [];
  for (const headers of [{}, { "x-functions-key": "wrong" }])
    expect((await fetch(`${url}/sessions`, { headers })).status).toBe(401);
});

it("stops everything on SIGTERM, and is there again with what it knew", async () => {
  expect(processesNaming(workspace.root).length).toBeGreaterThan(7);
  const before = start.said();
  start.child.kill("SIGTERM");
  const { code } = await start.ended;
  expect([0, 130]).toContain(code);
  expect(start.said()).toContain("Everything has stopped");
  expect(await gone(workspace.root, 0)).toEqual([]);

  start = startCommand("start", ["--data", workspace.data, "--library", workspace.library]);
  await start.says(/Ctrl-C stops everything/);
  const printed = (text: string) => /API[\s\S]*The libraries/.exec(text)?.[0];
  expect(printed(start.said())).toBe(printed(before));
  expect(start.said()).not.toContain("did not end cleanly");
}, 300_000);

it("takes its parts with it when it is killed", async () => {
  start.child.kill("SIGKILL");
  await start.ended;
  expect(await gone(workspace.root, 60_000)).toEqual([]);
}, 300_000);
