import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { CommandError } from "./command-error.ts";
import { openRunRecord } from "./run-record.ts";
import { createSupervisor, type SupervisorEvent, type SupervisorOptions } from "./supervisor.ts";
import { events, fixturePart, inTemporaryFolder, isAlive, pidsOf, until } from "./test-support.ts";

function supervise(folder: string, more: Partial<SupervisorOptions> = {}) {
  const record = openRunRecord(join(folder, "running.json"));
  const seen: SupervisorEvent[] = [];
  const supervisor = createSupervisor({
    logs: join(folder, "logs"),
    record,
    onEvent: (event) => seen.push(event),
    pauseMs: 10,
    ...more,
  });
  return { supervisor, seen };
}

const problemOf = (promise: Promise<unknown>): Promise<CommandError> =>
  promise.then(
    () => Promise.reject(new Error("it did not fail")),
    (error) => error,
  );

describe("supervisor", () => {
  it("starts batch after batch and stops them in reverse order", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor } = supervise(folder);
      await supervisor.start([fixturePart(folder, "a", ["--ready-after", "200"])]);
      await supervisor.start([fixturePart(folder, "b")]);
      const pids = [...pidsOf(folder, "a"), ...pidsOf(folder, "b")];
      expect(await supervisor.stop()).toBe(true);
      expect(events(folder)).toEqual(["a start", "b start", "b stop", "a stop"]);
      expect(pids.filter(isAlive)).toEqual([]);
    }));

  it("says which part did not get ready in time, with its last lines and its log", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor } = supervise(folder);
      const slow = fixturePart(folder, "slow", ["--never-ready"], { readySeconds: 1 });
      const problem = await problemOf(supervisor.start([slow]));
      expect(problem).toBeInstanceOf(CommandError);
      expect(problem.message).toMatch(/"slow" was not ready after 1 seconds.*slow is starting/s);
      expect(problem.remedy).toContain(join(folder, "logs", "slow.log"));
      await supervisor.stop();
      expect(pidsOf(folder, "slow").filter(isAlive)).toEqual([]);
    }));

  it("says which part ended before it was ready", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor } = supervise(folder);
      const part = fixturePart(folder, "brief", ["--never-ready", "--die-after", "1"]);
      const problem = await problemOf(supervisor.start([part]));
      expect(problem.message).toMatch(/"brief" ended \(code 7\) before it was ready/);
      await supervisor.stop();
    }));

  it("starts again what is killed before it is ready", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor, seen } = supervise(folder);
      const starting = supervisor.start([fixturePart(folder, "a", ["--ready-after", "500"])]);
      await until(() => pidsOf(folder, "a").length > 0);
      process.kill(pidsOf(folder, "a")[0] as number, "SIGKILL");
      await starting;
      expect(seen.map(({ kind }) => kind)).toEqual(["died", "restarted"]);
      expect(await supervisor.stop()).toBe(true);
    }));

  it("starts again what dies", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor, seen } = supervise(folder);
      await supervisor.start([fixturePart(folder, "a"), fixturePart(folder, "b")]);
      process.kill(pidsOf(folder, "a")[0] as number, "SIGKILL");
      await until(() => seen.some(({ kind }) => kind === "restarted"));
      expect(seen).toMatchObject([
        { kind: "died", part: "a", how: "signal SIGKILL" },
        { kind: "restarted", part: "a" },
      ]);
      expect(pidsOf(folder, "a")).toHaveLength(2);
      expect(pidsOf(folder, "b")).toHaveLength(1);
      expect(await supervisor.stop()).toBe(true);
    }));

  it("gives up what dies again and again", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor } = supervise(folder, { quickDeaths: 2 });
      await supervisor.start([fixturePart(folder, "a", ["--die-after", "50"])]);
      const problem = await problemOf(supervisor.givenUp);
      expect(problem.message).toMatch(/"a" died 3 times in a row and is given up/);
      expect(pidsOf(folder, "a")).toHaveLength(3);
      await supervisor.stop();
    }));

  it("starts everything from scratch when a part that loses writes dies", () =>
    inTemporaryFolder(async (folder) => {
      const aliveAtReset: number[] = [];
      const pids = () => ["store", "worker"].flatMap((name) => pidsOf(folder, name));
      const { supervisor, seen } = supervise(folder, {
        beforeAllRestart: () => aliveAtReset.push(...pids().filter(isAlive)),
      });
      await supervisor.start([fixturePart(folder, "store", [], { losesWrites: true })]);
      await supervisor.start([fixturePart(folder, "worker")]);
      process.kill(pidsOf(folder, "store")[0] as number, "SIGKILL");
      await until(() => seen.some(({ kind }) => kind === "all-restarted"));
      expect(aliveAtReset).toEqual([]);
      const order = ["store start", "worker start"];
      expect(events(folder)).toEqual([...order, "worker stop", ...order]);
      expect(await supervisor.stop()).toBe(true);
    }));

  it("starts a part once when all begin again while it pauses after a death", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor, seen } = supervise(folder, { pauseMs: 100 });
      await supervisor.start([fixturePart(folder, "store", [], { losesWrites: true })]);
      await supervisor.start([fixturePart(folder, "worker")]);
      const count = (kind: string) => seen.filter((event) => event.kind === kind).length;
      for (let deaths = 1; deaths <= 5; deaths++) {
        process.kill(pidsOf(folder, "worker").at(-1) as number, "SIGKILL");
        await until(() => count("died") === deaths);
        if (deaths < 5) await until(() => count("restarted") === deaths);
      }
      // The pause is 1.6 seconds by now.
      process.kill(pidsOf(folder, "store")[0] as number, "SIGKILL");
      await until(() => count("all-restarted") === 1);
      await delay(1_700);
      expect(pidsOf(folder, "worker").filter(isAlive)).toHaveLength(1);
      expect(await supervisor.stop()).toBe(true);
      expect(pidsOf(folder, "worker").filter(isAlive)).toEqual([]);
    }));

  it("prepares a part before every start, also when all begin again while it is prepared", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor, seen } = supervise(folder);
      await supervisor.start([fixturePart(folder, "store", [], { losesWrites: true })]);
      let prepared = 0;
      const prepare = async () => {
        if (++prepared > 1) return;
        process.kill(pidsOf(folder, "store")[0] as number, "SIGKILL");
        await until(() => seen.length > 0);
      };
      await supervisor.start([fixturePart(folder, "worker", [], { prepare })]);
      expect(events(folder)).toEqual(["store start", "store start", "worker start"]);
      process.kill(pidsOf(folder, "worker")[0] as number, "SIGKILL");
      await until(() => prepared === 3 && seen.at(-1)?.kind === "restarted");
      expect(await supervisor.stop()).toBe(true);
    }));

  it("tells a warning to people and to the part's log", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor, seen } = supervise(folder);
      await supervisor.start([fixturePart(folder, "a", [], { watch: () => "nearly full" })]);
      expect(seen).toEqual([{ kind: "warning", part: "a", message: "nearly full" }]);
      expect(readFileSync(join(folder, "logs", "a.log"), "utf8")).toContain("nearly full");
      await supervisor.stop();
    }));

  it.each([
    ["Error: ENOSPC: no space left on device, write", "disk is full"],
    ["Expected property name or '}' in JSON at position 1 (line 1 column 2)", "--data folder"],
    ["listen EADDRINUSE: address already in use", "another port"],
  ])("knows what helps a part that ends with: %s", (line, remedy) =>
    inTemporaryFolder(async (folder) => {
      const { supervisor } = supervise(folder);
      const flags = ["--name", line, "--never-ready", "--die-after", "1"];
      const problem = await problemOf(supervisor.start([fixturePart(folder, "a", flags)]));
      expect(problem.message).toContain(line);
      expect(problem.remedy).toContain(remedy);
      await supervisor.stop();
    }),
  );

  it("kills what does not stop, and calls that unclean only where writes may be lost", () =>
    inTemporaryFolder(async (folder) => {
      for (const losesWrites of [false, true]) {
        const { supervisor } = supervise(folder);
        const more = { stopSeconds: 0.2, losesWrites };
        await supervisor.start([fixturePart(folder, "a", ["--stubborn"], more)]);
        expect(await supervisor.stop()).toBe(!losesWrites);
        expect(pidsOf(folder, "a").filter(isAlive)).toEqual([]);
      }
    }));

  it("can be stopped while it starts", () =>
    inTemporaryFolder(async (folder) => {
      const { supervisor } = supervise(folder);
      const starting = problemOf(supervisor.start([fixturePart(folder, "a", ["--never-ready"])]));
      await until(() => pidsOf(folder, "a").length > 0);
      await supervisor.stop();
      expect((await starting).message).toContain('"a" ended');
      await expect(supervisor.start([fixturePart(folder, "b")])).rejects.toThrow();
      expect(existsSync(join(folder, "logs", "b.log"))).toBe(false);
    }));
});
