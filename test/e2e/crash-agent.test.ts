/** kill -9 of those who bring the content, in the middle of a migration: the command goes on by itself. */
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { migrateAndKill } from "./support/kill-part.ts";
import { readReports } from "./support/reports.ts";
import { expectWholeRound } from "./support/whole-round.ts";
import { makeWorkspace, removeWorkspace, type Workspace } from "./support/workspace.ts";

let workspace: Workspace;

beforeEach(() => {
  workspace = makeWorkspace();
});
afterEach(async () => {
  await removeWorkspace(workspace);
});

it("the agent", async () => {
  const agent = { name: "agent-1", script: "agent/main.js", when: "uploading" } as const;
  const run = await migrateAndKill(workspace, agent);
  await expectWholeRound(workspace, run);
  // It is the same agent again, not another one.
  const [summary] = readReports(run.json.reports, 0).rows("ItemSummary");
  expect(summary?.["Device name"]).toBe("agent-1");
}, 300_000);

it("the broker", async () => {
  const broker = {
    name: "service-bus",
    script: "local/service-bus/main.js",
    when: "uploading",
  } as const;
  await expectWholeRound(workspace, await migrateAndKill(workspace, broker));
}, 300_000);
