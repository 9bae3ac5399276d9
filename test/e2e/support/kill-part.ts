import { expect } from "@jest/globals";
import { startCommand } from "./command.ts";
import { arrivedItems, isUploading, reach } from "./middle.ts";
import { makePlainTree } from "./plain-tree.ts";
import { killAll, processesNaming } from "./processes.ts";
import { type Migrated, migrationFlags, type Workspace, withJson } from "./workspace.ts";

export type Moment = "uploading" | "importing";

/** Migrates a tree of small files and kills one part, by its script, in the middle of that; the command is left to itself. */
export async function migrateAndKill(
  workspace: Workspace,
  { name, script, when }: { name: string; script: string; when: Moment },
): Promise<Migrated> {
  // Twice as many packages as travel at a time, so that there is a middle on a busy machine, too.
  const items = makePlainTree(workspace.source, 2_800);
  const command = startCommand("migrate", migrationFlags(workspace));
  await reach(command, () =>
    when === "uploading" ? isUploading(workspace) : arrivedItems(workspace) > items / 8,
  );
  const parts = processesNaming(workspace.root).filter(({ commandLine }) =>
    commandLine.includes(script),
  );
  killAll(parts);
  expect(parts.length).toBe(1);
  expect(arrivedItems(workspace)).toBeLessThan(items);
  const run = withJson(await command.ended);
  expect(run.stderr).toContain(`The part "${name}" ended (signal SIGKILL)`);
  return run;
}
