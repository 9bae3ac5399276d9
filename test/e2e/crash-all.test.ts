/** kill -9 of the command itself in the middle of a migration: the same command finishes the round. */
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { startCommand } from "./support/command.ts";
import { arrivedItems, isUploading, reach } from "./support/middle.ts";
import { makePlainTree } from "./support/plain-tree.ts";
import { gone, killAll, processesNaming } from "./support/processes.ts";
import { expectWholeRound } from "./support/whole-round.ts";
import {
  makeWorkspace,
  migrate,
  migrationFlags,
  removeWorkspace,
  type Workspace,
} from "./support/workspace.ts";

let workspace: Workspace;
let items: number;

beforeEach(() => {
  workspace = makeWorkspace();
  items = makePlainTree(workspace.source, 1_800);
});
afterEach(async () => {
  await removeWorkspace(workspace);
});

const begin = () => startCommand("migrate", migrationFlags(workspace));
const uploading = () => isUploading(workspace);
const importing = (share: number) => () => arrivedItems(workspace) > items * share;

async function killEverything(isThere: () => boolean): Promise<void> {
  const command = begin();
  await reach(command, isThere);
  killAll(processesNaming(workspace.root));
  expect(await gone(workspace.root, 10_000)).toEqual([]);
  await command.ended;
  expect(arrivedItems(workspace)).toBeLessThan(items);
}

it.each([
  ["while it scans and uploads", [uploading]],
  ["while it imports", [importing(0.5)]],
  ["again and again", [uploading, importing(0.2), importing(0.6)]],
])(
  "with all its parts, %s",
  async (_when, moments) => {
    for (const isThere of moments) await killEverything(isThere);
    const run = await migrate(workspace);
    expect(run.stderr).toContain("The last run did not end cleanly");
    await expectWholeRound(workspace, run, { storageForgets: true });
  },
  300_000,
);

it("alone: the next one stops the parts that are left, and finishes", async () => {
  const command = begin();
  await reach(command, importing(0.2));
  command.child.kill("SIGKILL");
  await command.ended;
  expect(arrivedItems(workspace)).toBeLessThan(items);
  await expectWholeRound(workspace, await migrate(workspace));
}, 300_000);
