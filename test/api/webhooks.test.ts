import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startApi, type TestApi } from "../support/api.ts";

interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let api: TestApi;
let server: Server;
let receiver: string;
const received: Received[] = [];
/** What the receiver answers by path; 204 unless told otherwise. */
const answers = new Map<string, number>();

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const path = request.url ?? "";
    received.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(answers.get(path) ?? 204, { location: "/elsewhere" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  receiver = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  api = await startApi({ WEBHOOK_PRIVATE_ADDRESSES: "true" });
}, 60_000);
afterAll(async () => {
  server?.close();
  await api?.stop();
});

const register = async (path: string, more: object = {}) => {
  const { status, json } = await api.post("v1/webhooks", { url: receiver + path, ...more });
  expect(status).toBe(201);
  return json as { id: string; secret: string };
};
const at = (path: string) => received.filter((each) => each.path === path);

async function until<T>(what: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 20_000; ; await sleep(50)) {
    const value = await what();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`nothing came; ${api.log().slice(-2000)}`);
  }
}

/** As a receiver would, from the specification alone. */
function isSigned({ headers, body }: Received, secret: string): boolean {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const expected = createHmac("sha256", key).update(signed).digest();
  const given = String(headers["webhook-signature"]).split(" ");
  return given.some((each) => {
    const [version, signature = ""] = each.split(",");
    return version === "v1" && timingSafeEqual(Buffer.from(signature, "base64"), expected);
  });
}

/** A task that fails at once: there is no such library. */
async function runTask(name: string): Promise<string> {
  const { id: session } = (await api.post("v1/sessions", { name })).json;
  const destination = { siteUrl: api.surroundings.siteUrl, library: "None" };
  const body = { name, source: "/srv/a", destination };
  const { status, json, text } = await api.post(`v1/sessions/${session}/tasks`, body);
  expect([status, text]).toEqual([201, text]);
  return json.id;
}

describe("a ping", () => {
  it("is signed with the secret, which is shown once", async () => {
    const { id, secret } = await register("/ping");
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect((await api.get(`v1/webhooks/${id}`)).json).not.toHaveProperty("secret");
    const { status, json } = await api.post(`v1/webhooks/${id}/ping`);
    expect([status, json]).toMatchObject([
      200,
      { outcome: "delivered", status: 204, type: "ping" },
    ]);
    const [ping] = at("/ping") as [Received];
    expect(isSigned(ping, secret)).toBe(true);
    expect(isSigned({ ...ping, body: `${ping.body} ` }, secret)).toBe(false);
    expect(Math.abs(Date.now() / 1000 - Number(ping.headers["webhook-timestamp"]))).toBeLessThan(
      60,
    );
  });

  it("may be signed with a secret of the caller's", async () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
    const { id } = await register("/own", { secret });
    await api.post(`v1/webhooks/${id}/ping`);
    expect(isSigned(at("/own")[0] as Received, secret)).toBe(true);
  });

  it("says why it did not get through, and follows no redirect", async () => {
    const gone = await api.post("v1/webhooks", { url: "http://127.0.0.1:1/x" });
    expect((await api.post(`v1/webhooks/${gone.json.id}/ping`)).json).toMatchObject({
      ...{ outcome: "failed", error: expect.stringContaining("ECONNREFUSED") },
    });
    answers.set("/moved", 302);
    const { id } = await register("/moved");
    expect((await api.post(`v1/webhooks/${id}/ping`)).json).toMatchObject({
      ...{ outcome: "failed", status: 302 },
    });
    expect(at("/elsewhere")).toEqual([]);
  });
});

describe("a change of a task's state", () => {
  it("is told to those who asked for it", async () => {
    const all = await register("/all");
    await register("/failed", { events: ["task.Failed"] });
    const task = await runTask("told");
    const [failed] = await until(() => (at("/failed").length > 0 ? at("/failed") : undefined));
    expect(JSON.parse(failed?.body ?? "")).toMatchObject({
      type: "task.Failed",
      data: { taskId: task, name: "told", to: "Failed" },
    });
    await until(() => at("/all").find(({ body }) => body.includes("task.Failed")));
    expect(at("/all").every((each) => isSigned(each, all.secret))).toBe(true);
    const ids = at("/all").map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(at("/failed")).toHaveLength(1);
  }, 40_000);

  it("is told again when the receiver was away, under the same id", async () => {
    answers.set("/away", 503);
    const { id } = await register("/away", { events: ["task.Failed"] });
    await runTask("away");
    await until(() => at("/away")[0]);
    const attempts = async () => (await api.get(`v1/webhooks/${id}/attempts`)).json.attempts;
    await until(async () => ((await attempts()).length > 0 ? true : undefined));
    expect(await attempts()).toMatchObject([{ attempt: 1, outcome: "retrying", status: 503 }]);
    answers.delete("/away");
    await until(async () => ((await attempts())[0].outcome === "delivered" ? true : undefined));
    expect(await attempts()).toMatchObject([{ attempt: 2, status: 204 }, { attempt: 1 }]);
    const [first, second] = at("/away");
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
  }, 40_000);

  it("is not told after the webhook is gone", async () => {
    const { id } = await register("/removed", { events: ["task.Failed"] });
    expect((await api.call("DELETE", `v1/webhooks/${id}`)).status).toBe(204);
    expect((await api.get(`v1/webhooks/${id}`)).status).toBe(404);
    expect((await api.get(`v1/webhooks/${id}/attempts`)).status).toBe(404);
    const { webhooks } = (await api.get("v1/webhooks")).json;
    expect(webhooks.map((hook: { id: string }) => hook.id)).not.toContain(id);
  });
});

describe("a webhook", () => {
  it.each([
    ["url", { url: "http://example.com/x" }],
    ["url", { url: "ftp://example.com/x" }],
    ["url", { url: "https://me:secret@example.com/x" }],
    ["url", { url: "nothing" }],
    ["events.0", { url: "https://example.com", events: ["task.Exploded"] }],
    ["events", { url: "https://example.com", events: [] }],
    ["secret", { url: "https://example.com", secret: "short" }],
  ])("is refused for its %s", async (field, body) => {
    const { status, json } = await api.post("v1/webhooks", body);
    expect([status, json.errors[0].field]).toEqual([400, field]);
  });

  it("is an administrator's business", async () => {
    const body = { url: "https://example.com" };
    expect((await api.post("v1/webhooks", body, { as: "operator" })).status).toBe(403);
    expect((await api.get("v1/webhooks", { as: "operator" })).status).toBe(403);
  });
});
