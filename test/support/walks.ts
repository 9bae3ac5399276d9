import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "@jest/globals";
import { walk } from "../../agent/source/walk.ts";
import type { InventoryEntry } from "../../shared/contracts/inventory.ts";
import type { NameSettings } from "../../shared/rules/destinationName.ts";

/* Importing this gives each test a source of its own to walk. */

export const signal = new AbortController().signal;
export let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "walk-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

export const file = (path: string, content = "x") => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};

export async function entries(
  after?: string,
  folder = root,
  names?: NameSettings,
): Promise<InventoryEntry[]> {
  const found: InventoryEntry[] = [];
  for await (const { entry } of walk(folder, { after, names, signal })) found.push(entry);
  return found;
}

export const brief = (list: InventoryEntry[]) =>
  list.map(({ path, kind, issue }) => [path, kind, ...(issue ? [issue.code] : [])].join(" "));
