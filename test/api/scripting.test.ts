/* What somebody expects who drives the API from a script: repeated and odd, but legal, use. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bulkResultSchema } from "../../shared/contracts/bulk.ts";
import { startApi, type TestApi } from "../support/api.ts";

let api: TestApi;
let session: string;
let made = 0;
const site = "https://contoso.sharepoint.com/sites/finance";

beforeAll(async () => {
  api = await startApi({ WEBHOOK_PRIVATE_ADDRESSES: "true", TASKS_AT_ONCE: "1" });
  session = await newSession();
}, 120_000);
afterAll(() => api?.stop());

const newSession = async (): Promise<string> =>
  (await api.post("v1/sessions", { name: "Scripts" })).json.id;
const post = (more: object = {}, into = session) => {
  const n = ++made;
  return api.post(`v1/sessions/${into}/tasks`, {
    ...{ name: `task ${n}`, source: `/srv/scripts/${n}`, start: "manually" },
    destination: { siteUrl: api.surroundings.siteUrl, library: "Documents", folder: `s${n}` },
    ...more,
  });
};
const create = async (more: object = {}, into = session): Promise<string> => {
  const { status, json, text } = await post(more, into);
  expect([status, text]).toEqual([201, expect.any(String)]);
  return json.id;
};
const act = (id: string, action: string) => api.post(`v1/tasks/${id}/${action}`);
const view = async (id: string) => (await api.get(`v1/tasks/${id}`)).json;
async function reaches(id: string, ...states: string[]) {
  for (const end = Date.now() + 60_000; ; await delay(100)) {
    const found = await view(id);
    if (states.includes(found.state)) return found;
    if (Date.now() > end) throw new Error(`${id} is ${found.state}, not ${states}\n${api.log()}`);
  }
}
const bulk = (body: string, query = "", into = session) =>
  api.post(`v1/sessions/${into}/tasks/bulk${query}`, body, {
    headers: { "content-type": "text/csv" },
  });
const trail = async (query: string) =>
  (await api.get(`v1/audit?${query}`)).json.entries.map(({ action }: { action: string }) => action);
const fieldsOf = ({ json }: { json: { errors?: { field: string }[] } }) =>
  json.errors?.map(({ field }) => field);

describe("an action that was done already", () => {
  it("is answered with the task as it is, and leaves no trace", async () => {
    const id = await create();
    const expected: [string, string][] = [
      ["run", "InProgress"],
      ["pause", "Paused"],
      ["resume", "InProgress"],
      ["cancel", "Cancelled"],
    ];
    for (const [action, state] of expected) {
      expect((await act(id, action)).status).toBe(202);
      for (let again = 0; again < 2; again++) expect((await act(id, action)).status).toBe(202);
      await reaches(id, state);
      const { status, json } = await act(id, action);
      if (action !== "cancel") expect([action, status, json.state]).toEqual([action, 202, state]);
    }
    expect((await act(id, "cancel")).json).toMatchObject({ state: "Cancelled" });
    expect(await trail(`task=${id}`)).toEqual([
      ...["cancelTask", "resumeTask", "pauseTask", "runTask", "createTask"],
    ]);
  }, 120_000);

  it("is one when it comes many times at once", async () => {
    const ids = await Promise.all([create(), create()]);
    const action = { action: "cancel", tasks: ids };
    const all = await Promise.all(
      Array.from({ length: 4 }, () => api.post(`v1/sessions/${session}/actions`, action)),
    );
    for (const { json } of all)
      expect(json.results).toMatchObject(ids.map((id) => ({ id, ok: true, state: "Cancelled" })));
    for (const id of ids) expect(await trail(`task=${id}`)).toEqual(["cancelTask", "createTask"]);
  });

  it("is taken while the one before is still under way", async () => {
    const id = await create({ start: "now" });
    await reaches(id, "InProgress");
    for (const action of ["pause", "cancel"]) expect((await act(id, action)).status).toBe(202);
    await reaches(id, "Cancelled");
  }, 90_000);

  it("on many tasks takes ids in any case and filters as JSON has them, and nothing that has no effect", async () => {
    const id = await create({ tags: ["many"] });
    const path = `v1/sessions/${session}/actions`;
    const filter = { state: ["Scheduled", "Paused"], tag: "many", scheduled: false };
    expect((await api.post(path, { action: "cancel", filter })).json.results).toMatchObject([
      { id, ok: true, state: "Cancelled" },
    ]);
    const again = await api.post(path, { action: "delete", tasks: [id.toUpperCase()] });
    expect(again.json.results).toMatchObject([{ id, ok: true }]);
    const after = await api.post(path, { action: "run", tasks: [id], after: "x" });
    expect(fieldsOf(after)).toEqual(["after"]);
    const unknown = await api.post(path, { action: "run", filter: { state: ["Lost"] } });
    expect(fieldsOf(unknown)).toEqual(["filter.state"]);
  });

  it("is refused, with what to do, when it contradicts the task's state", async () => {
    const id = await create();
    const refused = await act(id, "pause");
    expect(refused.json).toMatchObject({ status: 409, code: "CONFLICT" });
    expect(refused.json.detail).toBe(
      "a task that is Scheduled cannot pause: only one that is Queued or InProgress can",
    );
    await act(id, "cancel");
    expect((await act(id, "resume")).json.detail).toMatch(/only one that is Pausing or Paused can/);
  });
});

describe("a task that is there already", () => {
  it("is named by whoever refuses its twin", async () => {
    const place = { source: "/srv/twin", destination: { siteUrl: site, library: "Documents" } };
    const existing = await create(place);
    const twin = await post(place);
    expect(twin.json).toMatchObject({ status: 409, code: "DUPLICATE_TASK", existing });
    const moved = await api.change("PATCH", `v1/tasks/${await create()}`, place);
    expect(moved.json).toMatchObject({ code: "DUPLICATE_TASK", existing });
    const row = `/srv/twin,,,${site},Documents,`;
    const other = `/srv/twice,,,${site},Documents,`;
    const { json } = await bulk(`${row}\n${other}\n${other}`, "?mode=valid-only");
    const [first, second, third] = bulkResultSchema.parse(json).results;
    expect(first).toEqual({ row: 1, status: "duplicate", task: existing });
    expect(third).toEqual({ row: 3, status: "duplicate", task: second?.task });
    expect(json.problems).toMatchObject([
      { row: 1, existing },
      { row: 3, existing: second?.task },
    ]);
  });
});

describe("a round that failed", () => {
  it("says why, and what to do about it", async () => {
    const destination = { siteUrl: api.surroundings.siteUrl, library: "No such library" };
    const id = await create({ start: "now", destination });
    const { round } = await reaches(id, "Failed");
    expect(round.failure).toEqual({
      ...{ code: "DESTINATION_NOT_FOUND", message: expect.stringContaining("No such library") },
      ...{ cause: expect.any(String), remedy: expect.stringMatching(/\w+/) },
    });
    const { rounds } = (await api.get(`v1/tasks/${id}/rounds`)).json;
    expect(rounds[0].failure).toEqual(round.failure);
    expect((await api.get(`v1/tasks/${id}/rounds/0`)).json).toEqual(rounds[0]);
    expect((await api.get(`v1/tasks/${id}/rounds/1`)).status).toBe(404);
    const zip = await api.get(`v1/tasks/${id}/reports`);
    expect([zip.status, zip.headers.get("content-type")]).toEqual([200, "application/zip"]);
    const head = await api.call("HEAD", `v1/tasks/${id}/reports`);
    expect([head.status, head.headers.get("content-type"), head.text]).toEqual([
      ...[200, "application/zip", ""],
    ]);
  }, 90_000);
});

describe("an archive of no reports", () => {
  it("is none, and the answer says why", async () => {
    const id = await create();
    expect((await api.get(`v1/tasks/${id}/reports`)).json).toMatchObject({
      ...{ status: 404, code: "NO_REPORTS", remedy: expect.stringMatching(/round/) },
      detail: expect.stringContaining(id),
    });
    const empty = await newSession();
    const archive = `v1/sessions/${empty}/reports`;
    expect((await api.get(archive)).json.detail).toBe("no task of the session passes the filter");
    await create({}, empty);
    expect((await api.get(archive)).json).toMatchObject({
      ...{
        code: "NO_REPORTS",
        detail: "1 task passes the filter, and none has such reports (yet)",
      },
    });
    expect((await api.get(`${archive}?state=Failed`)).json.detail).toMatch(/^no task/);
  });
});

describe("a file of tasks", () => {
  it("hears of its header and of its rows at once", async () => {
    const text = [
      "source,sites,library,fodler,setting.excludeName,setting.excludeNames",
      `share,${site},Documents,a,x,[a`,
      `/srv/good,${site},Documents,,,`,
    ].join("\n");
    const { json } = await bulk(text, "?format=longshore&mode=valid-only");
    const result = bulkResultSchema.parse(json);
    expect(result).toMatchObject({ rows: 2, created: 0, valid: 0, invalid: 2 });
    expect(result.problems.map(({ row, column }) => `${row} ${column}`)).toEqual([
      ...["1 sites", "1 fodler", "1 setting.excludeName", "1 site"],
      ...["2 setting.excludeNames", "2 source"],
    ]);
    expect(result.problems.map(({ fix }) => fix)).toEqual([
      expect.stringContaining('Write "site"'),
      expect.stringContaining('Write "folder"'),
      expect.stringContaining('Write "setting.excludeNames"'),
      ...Array.from({ length: 3 }, () => expect.any(String)),
    ]);
    const file = await api.get(result.resultFile);
    expect(file.text).toContain("fodler");
    expect(file.text).toContain("/srv/good");
  });

  it("is in the audit trail by its id when it made tasks, and not when it made none", async () => {
    const into = await newSession();
    const row = `/srv/audited,,,${site},Documents,`;
    const newest = async () => (await api.get("v1/audit?limit=1")).json.entries[0];
    const before = await newest();
    expect((await bulk(row, "?dryRun=true", into)).json).toMatchObject({ valid: 1 });
    expect((await bulk("x,,,y,z,", "", into)).json).toMatchObject({ invalid: 1 });
    expect(await newest()).toEqual(before);
    const { json } = await bulk(row, "", into);
    expect(await newest()).toMatchObject({
      ...{ action: "createTasks", ids: { session: into, bulk: json.id } },
    });
    const entry = await newest();
    const headers = { "content-type": "text/csv" };
    await api.post("v1/scans/bulk?dryRun=true", "/srv/scans/1", { headers });
    expect(await newest()).toEqual(entry);
    await api.post("v1/scans/bulk", "/srv/scans/1", { headers });
    expect(await newest()).toMatchObject({ action: "createScans" });
  });
});

describe("a filter", () => {
  it.each([
    ["state=Paused&state=Failed", "state", /Failed,Paused/],
    ["state=Paused,", "state", /one or several of Scheduled/],
    ["state=", "state", /one or several of/],
    ["createdFrom=2026-02-01&createdBefore=2026-01-01", "createdBefore", /createdFrom/],
    ["createdFrom=yesterday", "createdFrom", /2026-01-31/],
    ["createdFrom=2026-01-31T00:00:00+01:00", "createdFrom", /%2B/],
    ["sort=size", "sort", /created, -created, name/],
    ["scheduled=maybe", "scheduled", /true or false/],
    ["limit=1001", "limit", /1000/],
    ["staet=Paused", "staet", /"state"/],
  ])("%s is refused by name, with what would do", async (query, field, message) => {
    for (const list of [`v1/sessions/${session}/tasks`, "v1/scans"]) {
      const { status, json } = await api.get(`${list}?${query}`);
      expect([status, json.errors]).toEqual([
        ...[400, [{ field, message: expect.stringMatching(message) }]],
      ]);
    }
  });

  it("of time that contradicts itself is refused everywhere", async () => {
    const times = "from=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z";
    expect(fieldsOf(await api.get(`v1/audit?${times}`))).toEqual(["until"]);
    const filter = { createdFrom: "2026-02-01", createdBefore: "2026-01-01" };
    const query = new URLSearchParams(filter);
    for (const report of ["reports", "summary-report"])
      expect(fieldsOf(await api.get(`v1/sessions/${session}/${report}?${query}`))).toEqual([
        "createdBefore",
      ]);
    const action = await api.post(`v1/sessions/${session}/actions`, { action: "run", filter });
    expect(fieldsOf(action)).toEqual(["filter.createdBefore"]);
  });

  it("finds tasks by their schedule, and by days", async () => {
    const into = await newSession();
    const id = await create({ schedule: { cron: "0 3 * * *" }, start: undefined }, into);
    const other = await create({}, into);
    const list = async (query: string) =>
      (await api.get(`v1/sessions/${into}/tasks?${query}`)).json.tasks.map(
        ({ id: each }: { id: string }) => each,
      );
    expect(await list("scheduled=true")).toEqual([id]);
    expect(await list("scheduled=false")).toEqual([other]);
    expect(await list("sort=created&createdFrom=2020-01-01")).toEqual([id, other]);
    expect(await list("createdBefore=2020-01-01")).toEqual([]);
  });
});

describe("settings", () => {
  it.each([
    [{ excludeNames: ["*.tmp", ""] }, "excludeNames.1", /empty/],
    [{ excludeNames: ["[ab"] }, "excludeNames.0", /"\["|"\]"/],
    [{ excludeNames: ["*.{tmp,bak"] }, "excludeNames.0", /"\}"/],
    [{ excludeNames: ["Old\\Archive"] }, "excludeNames.0", /"\/"/],
    [{ excludeNames: ["!*.docx"] }, "excludeNames.0", /"!"/],
    [{ excludeFolders: ["a", "b/c"] }, "excludeFolders.1", /excludeNames/],
    [{ excludeFolders: ["b\\c"] }, "excludeFolders.0", /name/],
    [{ excludeExtensions: "txt exe" }, "excludeExtensions", /"txt exe".*":"/],
    [{ excludeExtensions: "tar.gz" }, "excludeExtensions", /"gz"/],
    [{ excludeExtensions: "*.txt" }, "excludeExtensions", /":" between/],
    [
      { modifiedAfter: "2025-01-01", modifiedBefore: "2024-01-01" },
      ...["modifiedBefore", /modifiedAfter/],
    ] as const,
    [{ excludeName: ["x"] }, "excludeName", /"excludeNames"/],
  ] as [object, string, RegExp][])("%j are refused by name", async (settings, field, message) => {
    const error = (at: string) => [{ field: at, message: expect.stringMatching(message) }];
    const task = await post({ settings });
    expect([task.status, task.json.errors]).toEqual([400, error(`settings.${field}`)]);
    const global = await api.change("PUT", "v1/settings", settings);
    expect([global.status, global.json.errors]).toEqual([400, error(field)]);
  });

  it("of extensions and names are taken as people write them", async () => {
    const settings = {
      excludeExtensions: ".txt: EXE:",
      excludeNames: ["*.tmp", "Old/**", "Copy (1)*", "a\\[1\\]", "*.{bak,old}", "!(a|b)"],
      excludeFolders: ["backup*", "[0-9]"],
    };
    const id = await create({ settings });
    expect((await view(id)).settings).toMatchObject({ excludeNames: settings.excludeNames });
  });
});

describe("a session's file", () => {
  it("lists the tasks in their order, and brings them back in it", async () => {
    const into = await newSession();
    const rows = Array.from({ length: 30 }, (_, n) => `/srv/order/${n},,,${site},Documents,`);
    expect((await bulk(rows.join("\n"), "", into)).json).toMatchObject({ created: 30 });
    await create({ name: "last" }, into);
    const expected = [...rows.map((_, n) => `${n}`), "last"];
    const exported = await api.get(`v1/sessions/${into}/export`);
    const names = ({ tasks }: { tasks: { name: string }[] }) => tasks.map(({ name }) => name);
    expect(names(exported.json)).toEqual(expected);
    const { json } = await api.post("v1/sessions/import", exported.text);
    const copy = (await api.get(`v1/sessions/${json.session.id}/tasks?sort=created`)).json;
    expect(names(copy)).toEqual(expected);
    expect(names((await api.get(`v1/sessions/${json.session.id}/export`)).json)).toEqual(expected);
  });
});

describe("a task that starts at once", () => {
  it("is told to webhooks as Queued", async () => {
    const told: { type: string; data: { from: string; to: string; taskId: string } }[] = [];
    const receiver = createServer((request, response) => {
      let text = "";
      request.on("data", (part) => {
        text += part;
      });
      request.on("end", () => {
        told.push(JSON.parse(text));
        response.end();
      });
    });
    await new Promise<void>((done) => receiver.listen(0, "127.0.0.1", done));
    try {
      const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
      const hook = await api.post("v1/webhooks", { url, events: ["task.Queued"] });
      expect(hook.status).toBe(201);
      const id = await create({ start: "now" });
      for (const end = Date.now() + 60_000; told.length === 0; await delay(200)) {
        if (Date.now() > end) throw new Error(`nothing was told\n${api.log()}`);
        await api.fire("deliverWebhooks");
      }
      expect(told[0]).toMatchObject({
        ...{ type: "task.Queued", data: { taskId: id, from: "Scheduled", to: "Queued" } },
      });
      await act(id, "cancel");
      await api.call("DELETE", `v1/webhooks/${hook.json.id}`);
    } finally {
      receiver.close();
    }
  }, 90_000);
});

describe("a request", () => {
  it("for the head of a resource has the answer without its body", async () => {
    const path = `v1/tasks/${await create()}`;
    const [get, head] = [await api.get(path), await api.call("HEAD", path)];
    expect([head.status, head.text]).toEqual([200, ""]);
    for (const name of ["etag", "content-type"])
      expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)]);
    expect((await api.call("HEAD", "v1/tasks/aaaa-aaaa")).status).toBe(404);
    expect((await api.call("HEAD", path, { as: null })).status).toBe(401);
    expect((await api.call("HEAD", "v1/audit", { as: "reader" })).status).toBe(403);
  });

  it("whose body was forgotten changes nothing, and one whose body has no effect is refused", async () => {
    const headers = { "if-match": "*" };
    expect((await api.change("PUT", "v1/settings", { packageItems: 111 })).status).toBe(200);
    const forgotten = await api.call("PUT", "v1/settings", { headers });
    expect([forgotten.status, forgotten.json.errors[0].message]).toEqual([
      ...[400, expect.stringContaining("is missing")],
    ]);
    expect((await api.get("v1/settings")).json.settings).toEqual({ packageItems: 111 });
    expect((await api.call("PUT", "v1/settings", { headers, body: {} })).status).toBe(200);
    const id = await create();
    expect(fieldsOf(await api.post(`v1/tasks/${id}/run`, { force: true }))).toEqual(["force"]);
    expect((await api.post(`v1/tasks/${id}/run`, "now")).status).toBe(400);
    expect((await view(id)).state).toBe("Scheduled");
    expect((await api.post(`v1/tasks/${id}/cancel`, {})).status).toBe(202);
  });

  it("may have lost the quotes of its ETag", async () => {
    const path = `v1/tasks/${await create()}`;
    const etag = (await api.get(path)).headers.get("etag") ?? "";
    const headers = { "if-match": etag.replaceAll('"', "") };
    expect((await api.call("PATCH", path, { headers, body: { name: "new" } })).status).toBe(200);
    expect((await api.call("PATCH", path, { headers, body: { name: "newer" } })).status).toBe(412);
  });

  it("for a round that does not exist is not answered as if it had no reports", async () => {
    const path = `v1/tasks/${await create()}/rounds/7/reports`;
    expect((await api.get(path)).json).toMatchObject({ status: 404, code: "NOT_FOUND" });
  });

  it("with another method is told which ones there are", async () => {
    const task = `v1/tasks/${await create()}`;
    const wrong = await api.call("PUT", task, { body: {} });
    expect(wrong.json).toMatchObject({ status: 405, code: "METHOD_NOT_ALLOWED" });
    expect(wrong.headers.get("allow")).toBe("DELETE, GET, HEAD, PATCH");
    const asked = await api.call("OPTIONS", task);
    expect([asked.status, asked.headers.get("allow"), asked.text]).toEqual([
      ...[204, "DELETE, GET, HEAD, OPTIONS, PATCH", ""],
    ]);
    expect((await api.call("PUT", task, { as: null })).status).toBe(401);
  });

  it("for a route that does not exist is told where they are listed", async () => {
    const { json, status } = await api.get("v1/sesions");
    expect([status, json]).toMatchObject([404, { code: "NOT_FOUND" }]);
    expect(json.detail).toContain("/api/v1/openapi.json");
    expect(json.detail).toContain("do you mean /api/v1/sessions?");
    expect((await api.get("v1/sesions", { as: null })).status).toBe(401);
  });

  it("may have a slash at the end, capital letters in ids, and any Accept", async () => {
    const id = await create();
    for (const path of [`v1/tasks/${id}/`, `v1/tasks/${id.toUpperCase()}`])
      expect((await api.get(path)).json.id).toBe(id);
    const { json } = await api.get(`v1/tasks/${id}`, { headers: { accept: "text/csv" } });
    expect(json.id).toBe(id);
    await api.change("DELETE", `v1/tasks/${id.toUpperCase()}`);
    expect(await trail(`task=${id}`)).toEqual(["deleteTask", "createTask"]);
  });

  it("for what has not changed is answered with 304, also when it is a file", async () => {
    const path = "v1/user-map";
    const etag = (await api.get(path)).headers.get("etag") ?? "";
    const again = await api.get(path, { headers: { "if-none-match": etag } });
    expect([again.status, again.text]).toEqual([304, ""]);
  });
});
