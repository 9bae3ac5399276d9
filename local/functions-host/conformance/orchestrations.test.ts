import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startTestHost, type TestHost, WEBHOOKS } from "./test-host.ts";

let host: TestHost;
beforeAll(async () => {
  host = await startTestHost();
});
afterAll(() => host.dispose());

const raise = (id: string | undefined, event: string, body: unknown) =>
  host.client("raise", id, `?event=${event}`, body);

describe("activities", () => {
  it("19: a sequence", async () => {
    expect(await host.run("sequence")).toMatchObject({ runtimeStatus: "Completed", output: 5 });
  });

  it("20: payloads keep their types", async () => {
    const { output } = await host.run("payloads");
    expect(output).toEqual(["Tokyo", "123", 7, [1, "x", null]]);
  });

  it("27: fan-out at once, in windows, with continueAsNew, in sub-orchestrations", async () => {
    expect((await host.run("fanOut", { n: 300 })).output).toBe(300);
    expect((await host.run("fanOutInWindows", { n: 95, window: 20 })).output).toBe(95);
    expect((await host.run("fanOutContinued", { n: 95, window: 20 })).output).toBe(95);
    expect((await host.run("fanOutInChildren", { n: 95, window: 20 })).output).toBe(95);
  });

  it("28: retries succeed, and the ids of parallel retries line up", async () => {
    expect((await host.run("retried", { key: "one", failures: 2 })).output).toBe("ok after 3");
    const { output } = await host.run("retriedInParallel");
    expect(output).toEqual(["ok after 1", "ok after 2", "ok after 3", "ok after 4"]);
  });

  it("29: an exhausted retry surfaces one interval late, with the message", async () => {
    const began = Date.now();
    const { output } = await host.run("exhausted");
    expect(output).toMatch(/^caught: Activity function 'alwaysFails' failed: {2}nope/);
    expect(Date.now() - began).toBeGreaterThanOrEqual(150);
  });

  it("30: a failed activity fails the orchestration", async () => {
    const { runtimeStatus, output } = await host.run("failing");
    expect(runtimeStatus).toBe("Failed");
    expect(output).toMatch(
      /^Orchestrator function 'failing' failed: Activity function 'alwaysFails' failed: {2}nope/,
    );
  });

  it("40: Task.all fails fast, but the next action waits for the siblings", async () => {
    expect((await host.run("failFast")).output).toBe("cleaned");
    const lines = host.journal("work ");
    expect(lines.indexOf("work sibling")).toBeLessThan(lines.indexOf("work cleanup"));
  });

  it("41: a task used again in Task.any runs again (durable-js 574)", async () => {
    const { id } = await host.start("rollingPool");
    while (host.journal("work pool").length <= 4) await sleep(20);
    await host.client("terminate", id, "?reason=enough");
  });

  it("51: callHttp polls a 202 at its Location", async () => {
    const { output } = await host.run("polling");
    expect(output).toEqual({ status: 200, content: { ready: true } });
  });

  it.each([
    ["Retry-After", "retry-after=Wed, 21 Oct 2026 07:28:00 GMT"],
    ["Location", "location=http://"],
  ])("51: a 202 whose %s cannot be read fails the instance", async (name, query) => {
    const { runtimeStatus, output } = await host.run("polling", { path: `badJob?${query}` });
    expect(runtimeStatus).toBe("Failed");
    expect(output).toContain(`callHttp: ${name}`);
  });

  it.each(["Activity", "SubOrchestrator", "Entity"])(
    "55: a function that is not registered fails the instance, past any catch: call%s",
    async (kind) => {
      const { runtimeStatus, output } = await host.run("missing", kind);
      expect(runtimeStatus).toBe("Failed");
      expect(output).toContain("The function 'nobody' doesn't exist");
    },
  );
});

describe("events and timers", () => {
  it("25: an event that does not come in time", async () => {
    expect((await host.run("approval", { timeoutMs: 100 })).output).toBe("timeout");
  });

  it("26: a race ends both ways", async () => {
    expect((await host.run("race", { ms: 500 })).output).toBe("timeout");
    expect((await host.run("race", { ms: 5 })).output).toBe("activity");
  });

  it("34: while suspended, events are parked", async () => {
    const { id } = await host.start("twoEvents");
    await host.until(id, (s) => s.runtimeStatus === "Running");
    expect((await host.client("suspend", id)).status).toBe(202);
    await host.until(id, (s) => s.runtimeStatus === "Suspended");
    await raise(id, "E", 1);
    await raise(id, "E", 2);
    await sleep(100);
    await host.until(id, (s) => s.runtimeStatus === "Suspended");
    await host.client("resume", id);
    expect((await host.until(id)).output).toEqual([1, 2]);
  });

  it("36: early events wait, in order", async () => {
    await host.start("twoEvents", undefined, "early");
    await raise("early", "E", "a");
    await raise("early", "E", "b");
    expect((await host.until("early")).output).toEqual(["a", "b"]);
  });

  it("48: long timers are split, with the ids that the SDK expects", async () => {
    const { id } = await host.start("longTimer");
    const split = await startTestHost({
      AzureFunctionsJobHost__extensions__durableTask__maximumShortTimerDuration: "00:00:00.400",
      AzureFunctionsJobHost__extensions__durableTask__longRunningTimerIntervalDuration:
        "00:00:00.200",
      AzureFunctionsJobHost__extensions__durableTask__maxOrchestrationActions: "30",
    });
    try {
      const began = Date.now();
      const { instanceId, output } = await split.run("longTimer");
      expect(output).toBe("fired");
      expect(Date.now() - began).toBeGreaterThanOrEqual(950);
      const answer = await split.get(`${WEBHOOKS}/instances/${instanceId}?showHistory=true`);
      const types = answer.json.historyEvents.map((e: { EventType: string }) => e.EventType);
      expect(types.filter((t: string) => t === "TimerFired").length).toBeGreaterThanOrEqual(4);

      // 53: too many actions
      const { runtimeStatus, output: reason } = await split.run("fanOut", { n: 40 });
      expect(runtimeStatus).toBe("Failed");
      expect(reason).toContain("Maximum amount of orchestration actions (30)");
    } finally {
      await split.dispose();
    }
    expect((await host.until(id)).output).toBe("fired");
  });
});

describe("generations", () => {
  it("32: continueAsNew keeps id and custom status over 15 generations", async () => {
    const { output, customStatus } = await host.run("generations", { i: 0, max: 15 });
    expect(output).toEqual({ total: 15 });
    expect(customStatus).toEqual({ generation: 15 });
  });

  it("33: timers of an older generation are ignored", async () => {
    expect((await host.run("staleTimer", { i: 0 })).output).toBe("generation 2");
  });

  it("50: events that come together are carried over, in order", async () => {
    const { id } = await host.start("collector", { seen: [] });
    for (const item of [1, 2, 3, 4, 5]) await raise(id, "item", item);
    expect((await host.until(id)).output).toEqual([1, 2, 3, 4, 5]);
  });

  it("50: events that come all at once lose none", async () => {
    const { id } = await host.start("collector", { seen: [] });
    await host.client("suspend", id);
    await host.until(id, (s) => s.runtimeStatus === "Suspended");
    await Promise.all([1, 2, 3, 4, 5].map((item) => raise(id, "item", item)));
    await host.client("resume", id);
    expect(((await host.until(id)).output as number[]).toSorted()).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("sub-orchestrations", () => {
  it("31: default and own ids, the failure's text, the parent's id", async () => {
    const { output, instanceId } = await host.run("parent");
    expect(output.a).toEqual({ k: 1, parent: instanceId });
    expect(output.error).toContain("Orchestrator function 'child' failed: child failed 3");
    const kid = await host.get(`${WEBHOOKS}/instances/${instanceId}-kid`);
    expect(kid.json.runtimeStatus).toBe("Completed");
  });
});

describe("mistakes", () => {
  const warningOf = async (name: string): Promise<string | undefined> => {
    const { id = "" } = await host.start(name);
    for (let tries = 0; tries < 250; tries++) {
      const found = host.logs().find(({ message }) => message.includes(`${id} would hang`));
      if (found) return found.message;
      await sleep(20);
    }
    return undefined;
  };

  it.each([
    ["throwsObject", "without a message"],
    ["finishedTaskInAll", "fresh tasks"],
  ])("a warning says that %s would hang on Azure", async (name, reason) => {
    expect(await warningOf(name)).toContain(reason);
  });

  it("49: non-determinism is detected", async () => {
    const { runtimeStatus, output } = await host.run("nonDeterministic");
    expect(runtimeStatus).toBe("Failed");
    expect(output).toContain("Non-Deterministic workflow detected");
  });

  it.each([
    ["timer", "no valid date"],
    ["child", "must not start with '@'"],
  ])("what the extension refuses fails the orchestration, not the host: %s", async (kind, why) => {
    const { runtimeStatus, output } = await host.run("refused", kind);
    expect(runtimeStatus).toBe("Failed");
    expect(output).toContain(why);
  });

  it("an output that is no JSON is what the failure names, also after history", async () => {
    const { runtimeStatus, output } = await host.run("unserializable");
    expect(runtimeStatus).toBe("Failed");
    expect(output).toContain("serialize a BigInt");
  });

  it("a custom status over 16 KB of UTF-16 fails the orchestration", async () => {
    const longest = 8 * 1024 - '""'.length;
    expect((await host.run("longStatus", longest)).runtimeStatus).toBe("Completed");
    const { runtimeStatus, output } = await host.run("longStatus", longest + 1);
    expect([runtimeStatus, output]).toEqual(["Failed", expect.stringContaining("17 KB")]);
  });
});
