import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startTestHost, type TestHost, WEBHOOKS } from "./test-host.ts";

let host: TestHost;
beforeAll(async () => {
  host = await startTestHost();
});
afterAll(() => host.dispose());

describe("starting", () => {
  it("21: the check-status answer", async () => {
    const { status, headers, json } = await host.post("/api/start/sequence", {});
    expect(status).toBe(202);
    expect(headers.get("retry-after")).toBe("10");
    expect(headers.get("location")).toBe(json.statusQueryGetUri);
    expect(json.statusQueryGetUri).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/runtime\/webhooks\/durabletask\/instances\/[0-9a-f]{32}\?taskHub=FixtureHub&connection=Storage&code=/,
    );
    expect(Object.keys(json).sort()).toEqual([
      "id",
      "purgeHistoryDeleteUri",
      "restartPostUri",
      "resumePostUri",
      "rewindPostUri",
      "sendEventPostUri",
      "statusQueryGetUri",
      "suspendPostUri",
      "terminatePostUri",
    ]);
  });

  it("42: one running instance per id; a finished one is replaced", async () => {
    await host.start("approval", {}, "single");
    const refused = await host.post(`${WEBHOOKS}/orchestrators/approval/single`, {});
    expect(refused.status).toBe(500);
    expect(refused.json.ExceptionMessage).toMatch(
      /^An Orchestration instance with the status (Pending|Running) already exists\.$/,
    );
    await host.client("raise", "single", "?event=Approve", 1);
    await host.until("single");
    expect((await host.post(`${WEBHOOKS}/orchestrators/approval/single`, {})).status).toBe(202);
    await host.until("single", (s) => s.runtimeStatus === "Running");
    await host.client("terminate", "single", "?reason=done");
  });

  it("43: unknown orchestrators and bad ids are 400", async () => {
    expect((await host.post(`${WEBHOOKS}/orchestrators/nobody`, {})).status).toBe(400);
    for (const id of ["%40x", "a%23b", "a%5Cb", "a%07b", "x".repeat(101)]) {
      expect((await host.post(`${WEBHOOKS}/orchestrators/sequence/${id}`, {})).status).toBe(400);
    }
    const broken = new TextEncoder().encode("{");
    expect((await host.post(`${WEBHOOKS}/orchestrators/sequence`, broken)).status).toBe(400);
  });

  it("46: waiting for the end through the client answers with the output", async () => {
    const waited = await host.post("/api/wait/sequence", {});
    expect([waited.status, waited.json]).toEqual([200, 5]);
  });

  it("46: waiting for the end at the start URL", async () => {
    const start = (name: string, timeout: number) => {
      const query = `timeout=${timeout}&pollingInterval=0.1`;
      return host.post(`${WEBHOOKS}/orchestrators/${name}?${query}`, {});
    };
    const done = await start("sequence", 20);
    expect([done.status, done.json]).toEqual([200, 5]);
    const failed = await start("failing", 20);
    expect([failed.status, failed.json.runtimeStatus]).toEqual([200, "Failed"]);
    await host.client("purge", failed.json.instanceId);
    const { status, json } = await start("approval", 0.2);
    expect([status, json.statusQueryGetUri]).toEqual([202, expect.any(String)]);
    await host.client("terminate", json.id, "?reason=done");
    expect((await start("sequence", 0.01)).status).toBe(400);
  });

  it("47: restart begins again with the same input; rewind is not supported", async () => {
    const { instanceId: id, output } = await host.run("sequence", { n: 3 });
    const instance = `${WEBHOOKS}/instances/${id}`;
    const other = await host.post(`${instance}/restart`);
    expect([other.status, other.json.id === id]).toEqual([202, false]);
    expect((await host.until(other.json.id)).output).toEqual(output);
    const same = await host.post(`${instance}/restart?restartWithNewInstanceId=false`);
    expect([same.status, same.json.id]).toEqual([202, id]);
    expect((await host.until(id)).output).toEqual(output);
    expect((await host.post(`${WEBHOOKS}/instances/unknown/restart`)).status).toBe(400);
    expect((await host.post(`${instance}/rewind`)).status).toBe(501);
  });
});

describe("one instance", () => {
  it("22: webhooks need the system key or the master key", async () => {
    const { statusQueryGetUri = "" } = await host.start("sequence");
    const withKey = (key: string) => host.get(statusQueryGetUri.replace(/code=.*/, `code=${key}`));
    expect((await withKey("wrong")).status).toBe(401);
    expect((await withKey(host.keys.default)).status).toBe(401);
    expect([200, 202]).toContain((await host.get(statusQueryGetUri)).status);
    expect([200, 202]).toContain((await withKey(host.keys.master)).status);
    // The keyless endpoint of the SDK cannot be guessed.
    expect((await host.get("/durabletask/instances/")).status).toBe(404);
    expect((await host.get("/durabletask/wrong/instances/")).status).toBe(404);
  });

  it("23: status is 202 while running, 200 when finished, 404 if unknown", async () => {
    const links = await host.start("approval");
    const { id, statusQueryGetUri = "", sendEventPostUri = "" } = links;
    await host.until(id, ({ customStatus }) => customStatus !== null);
    const running = await host.get(statusQueryGetUri);
    expect(running.status).toBe(202);
    expect(running.headers.get("retry-after")).toBe("5");
    expect(running.json).toMatchObject({ name: "approval", output: null });
    expect(running.json.customStatus).toEqual({ stage: "waiting" });
    expect(running.json.createdTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    await host.post(sendEventPostUri.replace("{eventName}", "Approve"), true);
    expect((await host.until(id)).output).toEqual({ approved: true });
    expect((await host.get(statusQueryGetUri)).status).toBe(200);
    expect((await host.get(`${WEBHOOKS}/instances/nobody`)).status).toBe(404);
  });

  it("24: raising events: 202, 404 unknown, 410 finished, 400 not JSON", async () => {
    const { instanceId } = await host.run("sequence");
    expect((await host.post(`${WEBHOOKS}/instances/${instanceId}/raiseEvent/X`, 1)).status).toBe(
      410,
    );
    expect((await host.post(`${WEBHOOKS}/instances/nobody/raiseEvent/X`, 1)).status).toBe(404);
    const { id } = await host.start("approval");
    const target = `${WEBHOOKS}/instances/${id}/raiseEvent/X`;
    const text = { "content-type": "text/plain" };
    expect((await host.post(target, new TextEncoder().encode("x"), text)).status).toBe(400);
    expect((await host.post(target, 1)).status).toBe(202);
    await host.client("terminate", id, "?reason=done");
  });

  it("35: terminate leaves the reason; later operations are 410", async () => {
    const { id } = await host.start("approval");
    expect((await host.client("terminate", id, "?reason=because")).status).toBe(202);
    expect(await host.until(id)).toMatchObject({ runtimeStatus: "Terminated", output: "because" });
    expect((await host.post(`${WEBHOOKS}/instances/${id}/terminate?reason=x`)).status).toBe(410);
    expect((await host.post(`${WEBHOOKS}/instances/${id}/suspend?reason=x`)).status).toBe(410);
  });

  it("34: suspending twice, and resuming what runs, is 500", async () => {
    const { id } = await host.start("twoEvents");
    await host.until(id, (s) => s.runtimeStatus === "Running");
    expect((await host.post(`${WEBHOOKS}/instances/${id}/resume`)).status).toBe(500);
    await host.client("suspend", id);
    await host.until(id, (s) => s.runtimeStatus === "Suspended");
    expect((await host.post(`${WEBHOOKS}/instances/${id}/suspend`)).status).toBe(500);
    await host.client("terminate", id, "?reason=done");
  });

  it("45: the history view", async () => {
    const { instanceId } = await host.run("sequence", { n: 2 });
    const query = "showHistory=true&showHistoryOutput=true";
    const { json } = await host.get(`${WEBHOOKS}/instances/${instanceId}?${query}`);
    const events = json.historyEvents as { EventType: string; FunctionName: string }[];
    expect(events.map(({ EventType }) => EventType)).toEqual([
      "ExecutionStarted",
      "TaskCompleted",
      "TaskCompleted",
      "ExecutionCompleted",
    ]);
    expect(events[1]).toMatchObject({ FunctionName: "echo", Result: { i: 0 } });
  });
});

describe("many instances", () => {
  it("44: list, filter, pages, purge", async () => {
    for (let i = 0; i < 7; i++) await host.run("sequence", { n: 1 });
    await host.run("failing");
    const { instanceId } = await host.run("sequence");
    const purged = await host.client("purge", instanceId);
    expect(purged.json).toEqual({ instancesDeleted: 1 });
    expect((await host.client("purge", instanceId)).json).toEqual({ instancesDeleted: 0 });

    const seen = await readPages(3);
    expect(new Set(seen).size).toBe(seen.length);
    expect((await host.client("all")).json.length).toBe(seen.length);
    const failed = (await host.client("by", "-", "?status=Failed")).json;
    expect(failed.map((s: { runtimeStatus: string }) => s.runtimeStatus)).toEqual(["Failed"]);

    expect((await host.request("DELETE", `${WEBHOOKS}/instances/`)).status).toBe(400);
    const { json } = await host.client("purgeBy");
    expect(json.instancesDeleted).toBeGreaterThanOrEqual(7);
    expect((await host.client("by", "-", "?status=Completed")).json).toEqual([]);
    expect((await host.client("by", "-", "?status=failed")).json).toEqual(failed);
  });

  async function readPages(top: number): Promise<string[]> {
    const ids: string[] = [];
    let token: string | null = "";
    while (token !== null) {
      const headers: Record<string, string> = token ? { "x-ms-continuation-token": token } : {};
      const page = await host.get(`${WEBHOOKS}/instances/?top=${top}`, headers);
      ids.push(...page.json.map(({ instanceId }: { instanceId: string }) => instanceId));
      token = page.headers.get("x-ms-continuation-token");
    }
    return ids;
  }
});

describe("entities", () => {
  it("37: signals and calls keep their order; an exception reaches the caller", async () => {
    const { output } = await host.run("entities");
    expect(output.value).toBe(12);
    expect(output.error).toBe("[object Object]"); // what durable-functions 3.5 makes of it
  });

  it("38: signal, read, forward and delete through the client", async () => {
    const signal = (name: string, body?: unknown) =>
      host.client("signal", "x1", `?name=${name}`, body);
    await signal("set", 41);
    await signal("add", 1);
    await signal("forward");
    const state = async (name: string) => (await host.client("read", name)).json;
    while ((await state("forwarded")).entityState !== 1) await sleep(20);
    expect(await state("x1")).toEqual({ entityExists: true, entityState: 42 });
    const read = await host.get(`${WEBHOOKS}/entities/counter/x1`);
    expect([read.status, read.json]).toEqual([200, 42]);
    await signal("delete");
    while ((await state("x1")).entityExists) await sleep(20);
    expect(await state("x1")).toEqual({ entityExists: false });
    expect((await host.get(`${WEBHOOKS}/entities/counter/x1`)).status).toBe(404);
    expect((await host.post(`${WEBHOOKS}/entities/nobody/x?op=add`, 1)).status).toBe(400);
  });
});
