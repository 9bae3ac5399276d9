import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { explainSettings } from "../../functions/domain/settings.ts";
import type { Problem } from "../../shared/contracts/api.ts";
import type { TaskView } from "../../shared/contracts/tasks.ts";
import { createApi } from "./api.ts";
import { runTaskOf, SESSION_NAME } from "./migrations.ts";
import { downloadReports, firstFailures } from "./reports.ts";
import { roundView } from "./test-support.ts";

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let url: string;
let folder: string;
let routes: Record<string, Answer>;
let requests: string[];

beforeEach(async () => {
  routes = {};
  requests = [];
  folder = mkdtempSync(join(tmpdir(), "longshore-"));
  server = createServer(async (request, response) => {
    const [path = ""] = (request.url ?? "").replace("/api/v1/", "").split("?");
    const name = `${request.method} ${decodeURIComponent(path)}`;
    requests.push(name);
    const body = Buffer.concat(await Array.fromAsync(request)).toString();
    const answer = routes[name];
    if (answer) answer(request, response, body);
    else problem(404, "NOT_FOUND", "there is no such thing")(request, response, body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

const json =
  (value: unknown, status = 200): Answer =>
  (_request, response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

function problem(status: number, code: string, detail: string): Answer {
  const body: Problem = { type: "t", title: "t", status, code, detail, remedy: "Do this." };
  return json({ ...body, errors: [{ field: "name", message: "is too long" }] }, status);
}

const connect = () => createApi(url, () => "secret", new AbortController().signal);

const task = (more: Partial<TaskView> = {}): TaskView => ({
  id: "t1",
  sessionId: "s1",
  name: "share",
  source: "/share",
  destination: { siteUrl: "http://site", library: "Documents", folder: "" },
  agentGroup: "default",
  settings: {},
  tags: [],
  effective: explainSettings({}),
  state: "InProgress",
  createdAt: "2026-01-01T00:00:00.000Z",
  round: roundView(),
  ...more,
});
const session = { id: "s1", name: SESSION_NAME, createdAt: "2026-01-01T00:00:00.000Z" };

describe("createApi", () => {
  it("sends the key and reads what the contract says", async () => {
    routes["GET tasks/t1"] = (request, response, body) => {
      const known = request.headers["x-functions-key"] === "secret";
      json(known ? task() : {})(request, response, body);
    };
    expect(await connect().getTask("t1")).toEqual(task());
  });

  it("shows the detail, the fields and the remedy of a problem", async () => {
    routes["POST sessions"] = problem(400, "BAD_REQUEST", "some fields are not valid");
    await expect(connect().createSession("x")).rejects.toMatchObject({
      message: "some fields are not valid name: is too long.",
      remedy: "Do this.",
    });
  });

  it("asks again while the control plane is being restarted", async () => {
    let calls = 0;
    routes["GET tasks/t1"] = (request, response, body) => {
      calls++;
      if (calls === 1) request.socket.destroy();
      else if (calls === 2) problem(503, "INTERNAL", "starting")(request, response, body);
      else json(task())(request, response, body);
    };
    expect(await connect().getTask("t1")).toMatchObject({ id: "t1" });
    expect(calls).toBe(3);
  });

  it("creates again under the same idempotency key", async () => {
    const keys = new Set<unknown>();
    routes["POST enrolment-tokens"] = (request, response, body) => {
      keys.add(request.headers["idempotency-key"]);
      if (requests.length === 1) request.socket.destroy();
      else
        json({ token: "t", id: "i", expires: "2026-11-21T00:00:00.000Z" }, 201)(
          request,
          response,
          body,
        );
    };
    expect(await connect().createEnrolmentToken(1)).toMatchObject({ token: "t" });
    expect(requests).toHaveLength(2);
    expect([...keys]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });
});

describe("runTaskOf", () => {
  const run = (remembered?: string) => runTaskOf(connect(), remembered, "/share", "http://site");

  it("makes the session and the task the first time", async () => {
    routes["GET sessions"] = json({ sessions: [] });
    routes["POST sessions"] = json(session, 201);
    let created: unknown;
    routes["POST sessions/s1/tasks"] = (request, response, body) => {
      created = JSON.parse(body);
      json(task(), 201)(request, response, body);
    };
    await run();
    expect(created).toEqual({
      name: "share",
      source: "/share",
      destination: { siteUrl: "http://site", library: "Documents" },
      start: "now",
    });
  });

  it("runs the task it finds, remembered or not", async () => {
    const others = [task({ id: "t0", source: "/other" }), task({ id: "t2" }), task()];
    routes["GET sessions"] = json({ sessions: [{ ...session, id: "s0", name: "mine" }, session] });
    routes["GET sessions/s1/tasks"] = json({ tasks: others });
    for (const id of ["t1", "t2"]) routes[`POST tasks/${id}/run`] = json(task({ id }), 202);
    expect(await run("t1")).toMatchObject({ id: "t1" });
    expect(await run("t0")).toMatchObject({ id: "t2" });
    expect(await run()).toMatchObject({ id: "t2" });
  });

  it("gives two tasks for folders of the same name different names", async () => {
    routes["GET sessions"] = json({ sessions: [session] });
    routes["GET sessions/s1/tasks"] = json({ tasks: [task({ source: "/other/share" })] });
    let name = "";
    routes["POST sessions/s1/tasks"] = (request, response, body) => {
      name = JSON.parse(body).name;
      json(task(), 201)(request, response, body);
    };
    await run();
    expect(name).toBe("share (2)");
  });
});

describe("reports", () => {
  it("are downloaded, and the first failures read from them", async () => {
    const report = "ItemFailureReport_R0.csv";
    const rows = ["a", "b", "c"].map(
      (name) => `/share/${name},NAME_RESERVED: not this | Rename it.\r\n`,
    );
    const text = `\ufeffSource,Message\r\n${rows.join("")}`;
    routes["GET tasks/t1/rounds/0/reports"] = json({
      reports: [
        { name: report, bytes: text.length },
        { name: "Aggregate Summary Report.csv", bytes: 1 },
      ],
    });
    routes[`GET tasks/t1/rounds/0/reports/${report}`] = (_request, response) => response.end(text);
    routes["GET tasks/t1/rounds/0/reports/Aggregate Summary Report.csv"] = (_request, response) =>
      response.end("x");
    const to = await downloadReports(connect(), task({ name: "../share" }), 0, folder);
    expect(to).toBe(join(folder, "reports", "__share", "R0"));
    expect(readFileSync(join(to, report), "utf8")).toBe(text);
    expect(readFileSync(join(to, "Aggregate Summary Report.csv"), "utf8")).toBe("x");
    expect(await firstFailures(to, task(), 0, 2)).toEqual([
      { path: "a", code: "NAME_RESERVED", reason: "not this", remedy: "Rename it." },
      { path: "b", code: "NAME_RESERVED", reason: "not this", remedy: "Rename it." },
    ]);
    expect(await firstFailures(to, task(), 1, 2)).toEqual([]);
  });
});
