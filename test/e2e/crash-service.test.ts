/** kill -9 of a service in the middle of a migration: the command goes on by itself. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { requireCode } from "./support/command.ts";
import { migrateAndKill } from "./support/kill-part.ts";
import { expectWholeRound } from "./support/whole-round.ts";
import { makeWorkspace, migrate, removeWorkspace, type Workspace } from "./support/workspace.ts";

let workspace: Workspace;

beforeEach(() => {
  workspace = makeWorkspace();
});
afterEach(async () => {
  await removeWorkspace(workspace);
});

it.each([
  ["functions-host", "local/functions-host/main.js", "importing"],
  ["sharepoint", "local/sharepoint/main.js", "importing"],
  ["key-vault", "local/key-vault/main.js", "uploading"],
] as const)(
  "%s",
  async (name, script, when) => {
    await expectWholeRound(workspace, await migrateAndKill(workspace, { name, script, when }));
  },
  300_000,
);

it("table storage in its first seconds, which forgets the task and the enrolment of the agent", async () => {
  const run = await migrateAndKill(workspace, {
    name: "azurite-table",
    script: "azurite/dist/src/table/main.js",
    when: "uploading",
  });
  expect(run.stderr).toContain("every part was started again");
  await expectWholeRound(workspace, run, { storageForgets: true });
}, 300_000);

it("table storage, which forgets the writes of its last seconds, so that all begin again from what it knows", async () => {
  // The task and the agent are from before.
  writeFileSync(join(workspace.source, "first.txt"), "first");
  requireCode(await migrate(workspace), 0);
  const run = await migrateAndKill(workspace, {
    name: "azurite-table",
    script: "azurite/dist/src/table/main.js",
    when: "importing",
  });
  expect(run.stderr).toContain("every part was started again");
  await expectWholeRound(workspace, run, { round: 1, earlier: 1, storageForgets: true });
}, 300_000);
