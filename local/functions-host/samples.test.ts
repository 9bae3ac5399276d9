/**
 * The shapes of the durable-functions project's sample apps (Azure/azure-functions-durable-js, samples-js), retold in
 * `fixture/samples`, an ordinary CommonJS app: what runs there has to run here.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { FIXTURE, startTestHost, type TestHost, WEBHOOKS } from "./conformance/test-host.ts";

let host: TestHost;
beforeAll(async () => {
  host = await startTestHost({}, path.join(FIXTURE, "samples"));
});
afterAll(() => host.dispose());

const start = async (name: string, input?: unknown): Promise<Record<string, string>> =>
  (await host.post(`/api/orchestrators/${name}`, input)).json;

const run = async (name: string, input?: unknown) => host.until((await start(name, input)).id);

const raise = (id: string | undefined, event: string, body: unknown) =>
  host.post(`${WEBHOOKS}/instances/${id}/raiseEvent/${event}`, body);

async function eventually<T>(read: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (const end = Date.now() + 60_000; ; await sleep(20)) {
    const value = await read();
    if (holds(value) || Date.now() > end) return value;
  }
}

describe("function chaining", () => {
  it("hello sequence", async () => {
    const greetings = ["Hello Tokyo!", "Hello Seattle!", "Hello Cairo!"];
    expect((await run("helloSequence")).output).toEqual(greetings);
  });

  it("a cancelled timer does not hold up the end", async () => {
    expect((await run("cancelTimer")).output).toBe("Hello in time!");
  });
});

describe("fan-out and fan-in", () => {
  it("backs up a folder and adds up its bytes", async () => {
    const from = path.join(host.workspace, "site");
    const to = path.join(host.workspace, "backup");
    let total = 0;
    for (let i = 0; i < 60; i++) {
      const folder = path.join(from, `part ${i % 7}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, `page${i}.html`), "x".repeat(i * 13));
      total += i * 13;
    }
    expect((await run("backupSiteContent", { from, to })).output).toBe(total);
    const files = (folder: string) => readdirSync(folder, { recursive: true }).toSorted();
    expect(files(to)).toEqual(files(from));
  });

  it("a bad input fails it, in words", async () => {
    const { runtimeStatus, output } = await run("backupSiteContent", {});
    expect([runtimeStatus, output]).toEqual([
      "Failed",
      "Orchestrator function 'backupSiteContent' failed: The folders 'from' and 'to' are required.",
    ]);
  });
});

describe("monitor", () => {
  it("goes on until the condition holds", async () => {
    const station = path.join(host.workspace, "station");
    const input = { station, phone: "+1", everyMs: 50, forMs: 20_000 };
    const { id } = await start("weatherMonitor", input);
    await sleep(200);
    expect((await host.get(`${WEBHOOKS}/instances/${id}`)).json.runtimeStatus).toBe("Running");
    expect(host.journal("+1")).toEqual([]);
    writeFileSync(station, "clear sky");
    expect((await host.until(id)).output).toBe("clear");
    expect(host.journal("+1")).toEqual(["+1: The sky is clear"]);
  });

  it("expires", async () => {
    const input = { station: "/nowhere", phone: "+2", everyMs: 40, forMs: 200 };
    expect((await run("weatherMonitor", input)).output).toBe("expired");
    expect(host.journal("+2")).toEqual([]);
  });
});

describe("human interaction", () => {
  const lastCode = () =>
    Number(
      host
        .logs()
        .findLast(({ message }) => message.startsWith("code "))
        ?.message.slice(5),
    );

  async function challenge(phone: string, seconds: number): Promise<string | undefined> {
    const before = lastCode();
    const { id } = await start("phoneVerification", { phone, seconds });
    await eventually(lastCode, (code) => !Number.isNaN(code) && code !== before);
    return id;
  }

  it("the right answer, after a wrong one, authorizes", async () => {
    const id = await challenge("+3", 90);
    await raise(id, "ChallengeResponse", 1);
    await raise(id, "ChallengeResponse", lastCode());
    expect((await host.until(id)).output).toBe(true);
  });

  it("three wrong answers do not", async () => {
    const id = await challenge("+4", 90);
    for (const wrong of [1, 2, 3]) await raise(id, "ChallengeResponse", wrong);
    expect((await host.until(id)).output).toBe(false);
  });

  it("nor does a wrong answer and then none in time", async () => {
    const id = await challenge("+5", 0.3);
    await raise(id, "ChallengeResponse", 1);
    expect((await host.until(id)).output).toBe(false);
  });
});

describe("eternal", () => {
  it("periodic cleanup goes on for ever, until it is terminated", async () => {
    const { id } = await start("periodicCleanup", { everyMs: 30 });
    const rounds = await eventually(
      () => host.journal("cleanup"),
      (lines) => lines.length >= 6,
    );
    expect(rounds.slice(0, 6)).toEqual([1, 2, 3, 4, 5, 6].map((round) => `cleanup ${round}`));
    const { json } = await host.get(`/api/status/${id}`);
    expect(json).toMatchObject({ name: "periodicCleanup", runtimeStatus: "Running", output: null });
    expect(json.input.round).toBeGreaterThanOrEqual(6);

    expect((await host.request("DELETE", `/api/status/${id}`)).status).toBe(202);
    const ended = await host.until(id);
    expect(ended).toMatchObject({ runtimeStatus: "Terminated", output: "not needed any more" });
    const { length } = host.journal("cleanup");
    await sleep(150);
    expect(host.journal("cleanup")).toHaveLength(length);
  });

  it("continue as new with an end", async () => {
    expect((await run("continueAsNewCounter")).output).toBe(10);
  });
});

describe("entities", () => {
  it("a counter: signalled by clients, called by an orchestration, read over client and HTTP", async () => {
    for (const by of [3, 4]) await host.post(`/api/counter/mine?by=${by}`);
    const read = () => host.get("/api/counter/mine");
    const { json } = await eventually(read, (answer) => answer.json?.entityState === 7);
    expect(json).toEqual({ entityExists: true, entityState: 7 });

    const { output } = await run("counterOrchestration", "mine");
    expect(output).toEqual({ before: 7, after: 108 });
    const direct = await host.get(`${WEBHOOKS}/entities/Counter/mine`);
    expect([direct.status, direct.json]).toEqual([200, 108]);
    expect((await host.get("/api/counter/nobody")).json).toEqual({ entityExists: false });
  });

  it("a shopping cart keeps an object", async () => {
    expect((await run("shopping")).output).toBe(40);
  });
});

describe("sub-orchestrations, retries, versions", () => {
  it("devices are provisioned side by side, with retries", async () => {
    expect((await run("provisionDevices")).output).toEqual(
      ["door", "lamp", "oven"].map((device) => ({
        device,
        address: "10.0.0.4",
        confirmed: `Hello ${device}!`,
      })),
    );
  });

  it("a sub-orchestration that always throws is given up", async () => {
    const { output } = await run("givesUp");
    expect(output).toMatch(/^gave up: .*Orchestrator function 'alwaysThrows' failed: on purpose/);
  });

  it("versions: the default of host.json, or what the caller names", async () => {
    expect((await run("versioned")).output).toEqual(["2.0", "0.9", "2.0"]);
  });
});

describe("external events", () => {
  it("an orchestration waits for its approval", async () => {
    const { id, sendEventPostUri = "" } = await start("budgetApproval");
    await host.until(id, ({ runtimeStatus }) => runtimeStatus === "Running");
    await host.post(sendEventPostUri.replace("{eventName}", "Approval"), true);
    expect((await host.until(id)).output).toBe("funded");
  });

  it("several events, in any order", async () => {
    const { id } = await start("newPermit");
    for (const [event, body] of Object.entries({ Building: 3, CityPlanning: 1, FireDepartment: 2 }))
      await raise(id, event, body);
    expect((await host.until(id)).output).toEqual([1, 2, 3]);
  });
});

describe("HTTP", () => {
  it("waits for the end, or answers with where to look", async () => {
    const done = await host.post("/api/orchestrators/wait/helloSequence", null);
    expect([done.status, done.json[2]]).toEqual([200, "Hello Cairo!"]);
    const { status, json } = await host.post(
      "/api/orchestrators/wait/budgetApproval?timeout=0.2",
      1,
    );
    expect(status).toBe(202);
    const asked = await host.get(json.statusQueryGetUri);
    expect([asked.status, asked.json.runtimeStatus]).toEqual([202, "Running"]);
    await host.post(json.terminatePostUri.replace("{text}", "enough"));
    expect(await host.until(json.id)).toMatchObject({ runtimeStatus: "Terminated" });
    expect((await host.get(json.statusQueryGetUri)).status).toBe(200);
  });

  it("an orchestration calls HTTP, and follows a 202", async () => {
    const output = { status: 200, content: "done" };
    expect((await run("checkSite", `${host.url}/api/jobs/7`)).output).toEqual(output);
  });
});
