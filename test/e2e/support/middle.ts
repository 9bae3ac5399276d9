import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { RunningCommand } from "./command.ts";
import type { Workspace } from "./workspace.ts";

/** Waits for a moment in the middle of a migration; rejects when the command ends without ever getting there. */
export async function reach(command: RunningCommand, isThere: () => boolean): Promise<void> {
  let over = false;
  void command.ended.then(() => {
    over = true;
  });
  while (!isThere()) {
    if (over) throw new Error(`It ended before the moment came:\n${command.said()}`);
    await delay(10);
  }
}

/** Where the local SharePoint writes files before they are items. */
const TEMPORARY = ".~import";

/** How many items are in the library, those that are being written not among them. */
export function arrivedItems({ library }: Workspace): number {
  if (!existsSync(library)) return 0;
  const names = readdirSync(library, { recursive: true, encoding: "utf8" });
  return names.filter((name) => !name.startsWith(TEMPORARY)).length;
}

/** Whether an agent is at an upload, by its log. */
export function isUploading({ data }: Workspace): boolean {
  const log = join(data, "logs", "agent-1.log");
  const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n") : [];
  const count = (message: string) =>
    lines.filter((line) => line.includes('"kind":"upload"') && line.includes(`"msg":"${message}"`))
      .length;
  return count("started") > count("completed");
}
