import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { lockFolder } from "./lock.ts";
import { identify, stopOrphans } from "./orphans.ts";
import type { PartDefinition } from "./part.ts";
import { readRunRecord } from "./run-record.ts";
import {
  events,
  fixture,
  fixturePart,
  inTemporaryFolder,
  isAlive,
  pidsOf,
  until,
} from "./test-support.ts";

let command: ChildProcess;

afterEach(async () => {
  if (command.exitCode === null && command.signalCode === null) await killHard(command);
});

async function startCommand(folder: string, parts: PartDefinition[]): Promise<void> {
  writeFileSync(join(folder, "parts.json"), JSON.stringify(parts));
  command = spawn(process.execPath, [fixture("command"), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(command.stdout as NodeJS.ReadableStream, "data");
}

async function killHard(command: ChildProcess): Promise<void> {
  const ended = once(command, "exit");
  command.kill("SIGKILL");
  await ended;
}

describe("after a kill -9 of the command", () => {
  it("parts stop by themselves, gently", () =>
    inTemporaryFolder(async (folder) => {
      await startCommand(folder, [fixturePart(folder, "a")]);
      await killHard(command);
      const [pid] = pidsOf(folder, "a") as [number];
      await until(() => !isAlive(pid));
      expect(events(folder)).toEqual(["a start", "a stop"]);
      expect(readRunRecord(join(folder, "running.json"))).toHaveLength(1);
    }));

  it("the next start ends what hangs, by its record", () =>
    inTemporaryFolder(async (folder) => {
      await startCommand(folder, [fixturePart(folder, "hung", ["--busy"])]);
      await killHard(command);
      const [pid] = pidsOf(folder, "hung") as [number];
      expect(isAlive(pid)).toBe(true);
      const records = readRunRecord(join(folder, "running.json")) ?? [];
      expect(await stopOrphans(records, 200)).toEqual(["hung"]);
      expect(identify(pid)).toBeUndefined();
      expect(await stopOrphans(records, 200)).toEqual([]);
    }));

  it("the lock is free, and was not before", () =>
    inTemporaryFolder(async (folder) => {
      await startCommand(folder, [fixturePart(folder, "a")]);
      expect(() => lockFolder(folder, "second")).toThrow(/"npm test" \(process \d+, since .*\)/);
      await killHard(command);
      lockFolder(folder, "second").release();
      await until(() => !pidsOf(folder, "a").some(isAlive));
    }));
});

describe("stopOrphans", () => {
  it("leaves a process alone that only has the same pid", async () => {
    const bystander = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const pid = bystander.pid as number;
    const record = { name: "a", pid, script: process.execPath, stopSignal: "SIGTERM" } as const;
    const started = identify(pid)?.started as string;
    expect(await stopOrphans([{ ...record, started: "1" }], 100)).toEqual([]);
    expect(await stopOrphans([{ ...record, started, script: "/no/such.js" }], 100)).toEqual([]);
    expect(isAlive(pid)).toBe(true);
    expect(await stopOrphans([{ ...record, started }], 2000)).toEqual(["a"]);
  });
});
