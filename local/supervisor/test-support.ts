import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { PartDefinition } from "./part.ts";

export const fixture = (name: string) =>
  fileURLToPath(new URL(`./fixture/${name}.ts`, import.meta.url));

/** A folder that is there for one test. */
export async function inTemporaryFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "longshore-"));
  try {
    await test(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function fixturePart(
  folder: string,
  name: string,
  flags: string[] = [],
  more: Partial<PartDefinition> = {},
): PartDefinition {
  const args = ["--name", name, "--journal", join(folder, "journal"), ...flags];
  return { name, script: fixture("part"), args, readySeconds: 20, ...more };
}

/** What the parts noted, a line each: "a start 4711", "a stop". */
export function journal(folder: string): string[] {
  const file = join(folder, "journal");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

export const events = (folder: string) => journal(folder).map((line) => line.replace(/ \d+$/, ""));

export const pidsOf = (folder: string, name: string) =>
  journal(folder)
    .filter((line) => line.startsWith(`${name} start `))
    .map((line) => Number(line.split(" ")[2]));

export async function until(condition: () => boolean, seconds = 15): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${condition}`);
    await delay(20);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
