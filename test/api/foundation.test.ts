import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startApi, type TestApi } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
}, 60_000);
afterAll(() => api?.stop());

const newSession = async (name = "Finance") =>
  (await api.post("v1/sessions", { name })).json as { id: string };

describe("roles", () => {
  it("come from the function key", async () => {
    for (const [as, get, post, audit] of [
      ["reader", 200, 403, 403],
      ["operator", 200, 201, 403],
      ["administrator", 200, 201, 200],
    ] as const) {
      expect((await api.get("v1/sessions", { as })).status).toBe(get);
      expect((await api.post("v1/sessions", { name: as }, { as })).status).toBe(post);
      expect((await api.get("v1/audit", { as })).status).toBe(audit);
    }
    expect((await api.get("v1/sessions", { as: null })).status).toBe(401);
  });

  it("that are not enough are named in the refusal", async () => {
    const { json, headers } = await api.post("v1/sessions", { name: "x" }, { as: "reader" });
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(json).toMatchObject({ status: 403, code: "FORBIDDEN" });
    expect(json.detail).toContain("operator");
  });

  it("are not to be had with a second key beside the first", async () => {
    const { reader } = api.keys;
    for (const query of [`code=${reader}&code=x`, `Code=${reader}&code=x`, `code=${reader},x`])
      expect((await api.get(`v1/audit?${query}`, { as: null })).status).toBe(401);
    expect((await api.get("v1/audit?code=x", { as: "reader" })).status).toBe(401);
    expect((await api.get(`v1/sessions?code=${reader}`, { as: null })).status).toBe(200);
  });
});

describe("a body", () => {
  const post = (body: unknown, headers = {}) => api.call("POST", "v1/sessions", { body, headers });

  it("over the limit is refused", async () => {
    const { status, json } = await post({ name: "x".repeat(1_000_001) });
    expect([status, json.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  it("that is not JSON, or says that it is something else, is refused", async () => {
    expect((await post("{")).json).toMatchObject({ status: 400, code: "BAD_REQUEST" });
    expect((await post(Buffer.from([0x22, 0xff, 0x22]))).json.detail).toContain("UTF-8");
    const form = await post("name=x", { "content-type": "application/x-www-form-urlencoded" });
    expect(form.json).toMatchObject({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" });
  });

  it("with a field that does not exist is refused with the field's name, however deep", async () => {
    expect((await post({ name: "x", nmae: "y" })).json.errors).toEqual([
      { field: "nmae", message: expect.any(String) },
    ]);
    const { id } = await newSession();
    const destination = { siteUrl: "https://x.example/sites/a", library: "Documents", fodler: "x" };
    const task = { name: "t", source: "/srv", destination, start: "manually" };
    const { json } = await api.post(`v1/sessions/${id}/tasks`, task);
    expect(json.errors).toEqual([{ field: "destination.fodler", message: expect.any(String) }]);
  });
});

describe("a query", () => {
  it.each([
    ["limt=1", "limt"],
    ["limit=0", "limit"],
    ["limit=x", "limit"],
    ["limit=1&limit=2", "limit"],
    ["after=%00", "after"],
    ["from=yesterday", "from"],
  ])("%s is refused", async (query, field) => {
    const { status, json } = await api.get(`v1/audit?${query}`);
    expect([status, json.errors?.[0]?.field]).toEqual([400, field]);
  });
});

describe("an id", () => {
  it.each([
    "v1/tasks/none-none",
    "v1/tasks/x",
    "v1/tasks/..%2f..%2fadmin",
    "v1/tasks/%27%20or%201",
    "v1/tasks/%F0%9F%92%A9",
    "v1/sessions/unknown0/tasks",
    "v1/tasks/aaaa-aaaa/rounds/99999999999/reports",
    "v1/tasks/aaaa-aaaa/rounds/-1/reports",
    ["v1/tasks", "a".repeat(5000)].join("/"),
  ])("that is none is not found: %.40s", async (path) => {
    expect((await api.get(path)).status).toBe(404);
  });
});

describe("an idempotency key", () => {
  const create = (key: string, name: string) =>
    api.post("v1/sessions", { name }, { headers: { "idempotency-key": key } });
  const count = async () => (await api.get("v1/sessions")).json.sessions.length as number;

  it("gives the same answer again and creates nothing more", async () => {
    const first = await create("k1", "once");
    const before = await count();
    const again = await create("k1", "once");
    expect([again.status, again.json]).toEqual([201, first.json]);
    expect(await count()).toBe(before);
  });

  it("is refused for another body", async () => {
    await create("k2", "a");
    expect((await create("k2", "b")).json).toMatchObject({
      ...{ status: 422, code: "IDEMPOTENCY_KEY_REUSED" },
    });
  });

  it("creates one thing when all come at once", async () => {
    const before = await count();
    const answers = await Promise.all(Array.from({ length: 8 }, () => create("k3", "many")));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await count()).toBe(before + 1);
  });

  it("is free again after a refusal, and belongs to its caller", async () => {
    expect((await create("k4", "")).status).toBe(400);
    expect((await create("k4", "good")).status).toBe(201);
    const body = { name: "other's" };
    const headers = { "idempotency-key": "k4" };
    expect((await api.post("v1/sessions", body, { headers, as: "operator" })).status).toBe(201);
  });

  it("is visible ASCII of at most 255 characters", async () => {
    expect((await create("x".repeat(256), "long")).status).toBe(400);
  });
});

describe("versions", () => {
  it("are asked for, and refused when stale", async () => {
    const read = await api.get("v1/settings");
    const etag = read.headers.get("etag") as string;
    const put = (headers = {}) =>
      api.call("PUT", "v1/settings", { body: { attemptsPerItem: 4 }, headers });
    expect((await put()).json).toMatchObject({ status: 428, code: "PRECONDITION_REQUIRED" });
    expect((await put({ "if-match": etag })).status).toBe(200);
    expect((await put({ "if-match": etag })).json).toMatchObject({
      ...{ status: 412, code: "PRECONDITION_FAILED" },
    });
    expect((await put({ "if-match": "*" })).status).toBe(200);
    const now = (await api.get("v1/settings")).headers.get("etag") as string;
    const unchanged = await api.get("v1/settings", { headers: { "if-none-match": now } });
    expect([unchanged.status, unchanged.text]).toEqual([304, ""]);
  });
});

describe("the audit trail", () => {
  it("has one entry per accepted change, newest first, with who did it and to what", async () => {
    const { json } = await api.post("v1/sessions", { name: "secret name" }, { as: "operator" });
    await api.post("v1/sessions", { name: "" }, { as: "operator" });
    await api.post("v1/sessions", { name: "x" }, { as: "reader" });
    const { entries } = (await api.get("v1/audit?limit=1")).json;
    expect(entries).toMatchObject([
      {
        ...{ actor: "the operator", role: "operator", action: "createSession", status: 201 },
        ids: { session: json.id },
      },
    ]);
    expect(JSON.stringify(entries)).not.toContain("secret name");
  });

  it("is read page by page, by task, actor and time", async () => {
    const { id: session } = await newSession();
    const destination = { siteUrl: api.surroundings.siteUrl, library: "Documents" };
    const body = { name: "t", source: "/srv/a", destination, start: "manually" };
    const { id: task } = (await api.post(`v1/sessions/${session}/tasks`, body)).json;
    const ofTask = (await api.get(`v1/audit?task=${task}`)).json.entries;
    expect(ofTask).toMatchObject([{ action: "createTask", ids: { session, task } }]);

    const all: string[] = [];
    for (let path = "v1/audit?limit=3"; ; ) {
      const { entries, next } = (await api.get(path)).json;
      expect(entries.length).toBeLessThanOrEqual(3);
      all.push(...entries.map(({ id }: { id: string }) => id));
      if (!next) break;
      path = `v1/audit?limit=3&after=${next}`;
    }
    expect(all).toEqual([...new Set(all)].sort());
    expect((await api.get("v1/audit?limit=1000")).json.entries).toHaveLength(all.length);

    const mine = (await api.get("v1/audit?actor=the%20operator")).json.entries;
    expect(mine.length).toBeGreaterThan(0);
    expect(mine.every(({ actor }: { actor: string }) => actor === "the operator")).toBe(true);
    const { at } = ofTask[0];
    const then = (await api.get(`v1/audit?from=${at}&until=${at}`)).json.entries;
    expect(then.map(({ action }: { action: string }) => action)).toContain("createTask");
    expect((await api.get("v1/audit?until=2020-01-01T00:00:00Z")).json).toEqual({ entries: [] });
  });
});
