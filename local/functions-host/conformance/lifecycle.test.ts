import { statSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "@jest/globals";
import { storm } from "./storm.ts";
import { spawnHost, startTestHost, type TestHost } from "./test-host.ts";

let host: TestHost;
afterEach(() => host?.dispose());

/** Waits until the journal has that many lines of a kind. */
async function journalHas(prefix: string, count: number): Promise<void> {
  for (const end = Date.now() + 10_000; host.journal(prefix).length < count; await sleep(10)) {
    if (Date.now() > end) throw new Error(`fewer than ${count} lines "${prefix}" in the journal`);
  }
}

const fire = (name: string) =>
  host.post(`/admin/functions/${name}`, { input: "" }, { "x-functions-key": host.keys.master });

describe("timer trigger", () => {
  it("57, 58, 63, 64: schedule, manual fire, hooks, no overlap, retry policy", async () => {
    host = await startTestHost();
    await journalHas("tick pastDue=false", 2);
    const before = host.journal("retriedTimer").length;
    expect(before).toBe(0);
    expect((await fire("retriedTimer")).status).toBe(202);
    await journalHas("retried ", 3);
    expect(host.journal("retried ")).toEqual([
      "retried 0 of 2",
      "retried 1 of 2",
      "retried 2 of 2",
    ]);
    expect((await fire("nobody")).status).toBe(404);
    expect((await host.post("/admin/functions/tick", {})).status).toBe(401);

    await journalHas("slow end", 2);
    const slow = host.journal("slow ").slice(0, 4);
    expect(slow).toEqual(["slow begin", "slow end", "slow begin", "slow end"]);
    expect(host.journal("appStart")).toEqual(["appStart"]);
    expect(await host.kill()).toBe(0);
    expect(host.journal("appTerminate")).toEqual(["appTerminate"]);
  });

  it("62: an occurrence missed while the host was down is past due", async () => {
    host = await startTestHost();
    await host.kill();
    // Not from outside, because nobody waits an hour: move the saved schedule into the past.
    const database = new DatabaseSync(path.join(host.dataDirectory, "host.db"));
    const past = new Date(Date.now() - 60_000).toISOString();
    database
      .prepare("UPDATE kv SET value=json_set(value, '$.Next', ?) WHERE key='timer:hourly'")
      .run(past);
    database.close();
    host = await host.restart();
    await journalHas("hourly", 1);
    expect(host.journal("hourly")).toEqual(["hourly pastDue=true"]);
  });
});

describe("stop and start", () => {
  it("59: SIGTERM lets functions finish; what waited goes on after the restart", async () => {
    host = await startTestHost();
    const { id } = await host.start("fanOut", { n: 3, ms: 3000 });
    const slow = host.get("/api/slow?ms=3000");
    await journalHas("begin ", 3);
    await journalHas("asked slow", 1);
    const exit = host.kill();
    // The signal takes a moment to arrive; from then on there is no new work.
    while ((await host.get("/api/hello")).status !== 503) await sleep(20);
    expect((await slow).text).toBe("finished");
    expect(await exit).toBe(0);
    expect(host.journal("work ")).toHaveLength(3);

    host = await host.restart();
    expect((await host.until(id)).output).toBe(3);
    expect(host.journal("begin ")).toHaveLength(3);
  });

  it("60: kill -9, again and again, loses and repeats nothing that was completed", async () => {
    const report = await storm({ goesOn: (kills) => kills < 5, longestLifeMs: 800 });
    expect(report.problems).toEqual([]);
    expect(report.orchestrations).toBeGreaterThan(7);
  });

  it("66: a second process on the same data is refused by name; keys are private", async () => {
    host = await startTestHost();
    expect(statSync(path.join(host.dataDirectory, "keys.json")).mode & 0o777).toBe(0o600);
    const second = spawnHost(host.dataDirectory);
    let log = "";
    second.stderr?.on("data", (text) => {
      log += text;
    });
    expect(await new Promise((resolve) => second.once("close", resolve))).toBe(1);
    expect(log).toContain(`is in use by process ${host.process.pid}`);
    expect((await host.run("sequence")).output).toBe(5);
    const { keys } = host;
    host = await host.restart();
    expect(host.keys).toEqual(keys);
  });

  it("67: a turn that cannot be completed backs off, and the others go on", async () => {
    host = await startTestHost();
    const { id } = await host.start("poisoned");
    expect((await host.run("sequence")).output).toBe(5);
    expect((await host.until(id)).output).toBe("recovered");
    const failures = host.logs().filter(({ message }) => message.startsWith(`a turn of ${id}`));
    expect(failures).toHaveLength(3);
  });
});
