import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "csv-parse/sync";
import { bulkResultSchema, sessionFileSchema } from "../../shared/contracts/bulk.ts";
import { sessionSummarySchema } from "../../shared/contracts/sessions.ts";
import { type TaskListItem, taskListSchema, taskViewSchema } from "../../shared/contracts/tasks.ts";
import { startApi, type TestApi } from "../support/api.ts";

let api: TestApi;
let session: string;
const site = "https://contoso.sharepoint.com/sites/finance";

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const newSession = async (body: object = {}): Promise<string> => {
  const { json, status } = await api.post("v1/sessions", { name: "Wave 1", ...body });
  expect(status).toBe(201);
  return json.id;
};
const createTask = (more: object = {}, headers: Record<string, string> = {}) =>
  api.post(
    `v1/sessions/${session}/tasks`,
    {
      ...{
        name: "HR",
        source: "\\\\srv\\hr",
        destination: { siteUrl: site, library: "Documents" },
      },
      ...{ start: "manually", ...more },
    },
    { headers },
  );
const list = async (query = ""): Promise<TaskListItem[]> => {
  const answer = await api.get(`v1/sessions/${session}/tasks${query}`);
  expect(answer.status).toBe(200);
  return taskListSchema.parse(answer.json).tasks;
};
const bulk = (body: string, query = "", type = "text/csv") =>
  api.post(`v1/sessions/${session}/tasks/bulk${query}`, body, {
    as: "operator",
    headers: { "content-type": type },
  });

describe("a session", () => {
  it("is changed under its ETag, summed up, and deleted with its tasks when none is open", async () => {
    const settings = { migrateHidden: false };
    session = await newSession({ settings });
    const path = `v1/sessions/${session}`;
    expect((await api.get(path)).json).toMatchObject({ name: "Wave 1", settings });
    expect((await api.call("PATCH", path, { body: { name: "Wave 2" } })).status).toBe(428);
    expect((await api.change("PATCH", path, { name: "Wave 2" })).json).toMatchObject({
      ...{ name: "Wave 2", settings },
    });
    const stale = { headers: { "if-match": '"old"' }, body: { name: "Wave 3" } };
    expect((await api.call("PATCH", path, stale)).status).toBe(412);
    await createTask({ tags: ["hr"] });
    const summary = sessionSummarySchema.parse((await api.get(`${path}/summary`)).json);
    expect(summary).toMatchObject({ tasks: 1, states: { Scheduled: 1, Failed: 0 } });
    expect((await api.get(`${path}/tags`)).json).toEqual({ tags: [{ tag: "hr", tasks: 1 }] });
    const { json: open } = await createTask({
      ...{ source: "/srv/open", start: "now" },
      destination: { siteUrl: api.surroundings.siteUrl, library: "Documents" },
    });
    const refused = await api.change("DELETE", path);
    expect(refused.json).toMatchObject({ status: 409, detail: expect.stringContaining("1 ") });
    await api.post(`v1/tasks/${open.id}/cancel`);
    await until(async () => (await api.get(`v1/tasks/${open.id}`)).json.state === "Cancelled");
    expect((await api.change("DELETE", path)).status).toBe(204);
    expect((await api.get(path)).status).toBe(404);
    await api.fire("eraseTasks");
    await until(async () => (await api.get(`v1/tasks/${open.id}`)).status === 404);
  });

  it("is one of several pages", async () => {
    for (let n = 0; n < 4; n++) await newSession();
    const seen = new Set<string>();
    for (let next: string | undefined = ""; next !== undefined; ) {
      const { json } = await api.get(`v1/sessions?limit=2${next && `&after=${next}`}`);
      for (const { id } of json.sessions) seen.add(id);
      next = json.next;
    }
    expect(seen.size).toBeGreaterThanOrEqual(4);
  });
});

describe("a task", () => {
  beforeAll(async () => {
    session = await newSession();
  });

  it("is created once, and its twin refused", async () => {
    const first = await createTask({}, { "idempotency-key": "one" });
    expect(first.status).toBe(201);
    taskViewSchema.parse(first.json);
    const again = await createTask({}, { "idempotency-key": "one" });
    expect(again.json.id).toBe(first.json.id);
    const twin = await createTask({ source: "\\\\SRV\\HR\\" });
    expect(twin.status).toBe(409);
    expect(twin.json).toMatchObject({ code: "DUPLICATE_TASK" });
    expect(twin.json.detail).toContain(first.json.id);
    expect(await list()).toHaveLength(1);
  });

  it("is changed under its ETag", async () => {
    const { json } = await createTask({ source: "/srv/two", tags: ["a"] });
    const path = `v1/tasks/${json.id}`;
    const changed = await api.change("PATCH", path, {
      ...{ name: "Two", tags: ["b"], agentGroup: "paris" },
      ...{ settings: { packageItems: 100 }, schedule: { cron: "0 22 * * 1-5" } },
      windows: [{ days: ["sat"], from: "22:00", to: "06:00", timeZone: "Europe/Paris" }],
    });
    expect(changed.status).toBe(200);
    expect(changed.json).toMatchObject({
      ...{ name: "Two", tags: ["b"], agentGroup: "paris", settings: { packageItems: 100 } },
      schedule: { cron: "0 22 * * 1-5", timeZone: "UTC" },
    });
    expect((await list("?tag=b&group=paris")).map(({ id }) => id)).toEqual([json.id]);
    expect(await list("?tag=a")).toEqual([]);
    const etag = (await api.get(path)).headers.get("etag") ?? "";
    const headers = { "if-match": etag };
    expect((await api.call("PATCH", path, { headers, body: { schedule: null } })).status).toBe(200);
    expect((await api.get(path)).json.schedule).toBeUndefined();
    // The first change made the ETag an old one.
    expect((await api.call("PATCH", path, { headers, body: { name: "x" } })).status).toBe(412);
    // Progress is part of the answer, not of the version: nobody is told that nothing has changed.
    const unchanged = { headers: { "if-none-match": "*" } };
    expect((await api.get(path, unchanged)).status).toBe(200);
    const twin = await api.change("PATCH", path, { source: "\\\\srv\\hr" });
    expect(twin.json).toMatchObject({ code: "DUPLICATE_TASK" });
    const unknown = await api.change("PATCH", path, { state: "Completed" });
    expect(unknown.json).toMatchObject({ status: 400, errors: [{ field: "state" }] });
  });

  it("is found by filters, in pages", async () => {
    for (let n = 0; n < 5; n++) await createTask({ name: `Page ${n}`, source: `/srv/page/${n}` });
    const query = "?text=srv/page&sort=name&limit=2";
    const names: string[] = [];
    for (let next: string | undefined = ""; next !== undefined; ) {
      const { json } = await api.get(
        `v1/sessions/${session}/tasks${query}${next && `&after=${next}`}`,
      );
      names.push(...json.tasks.map(({ name }: TaskListItem) => name));
      next = json.next;
    }
    expect(names).toEqual(["Page 0", "Page 1", "Page 2", "Page 3", "Page 4"]);
    expect((await list("?state=Scheduled,Paused&text=Page")).length).toBe(5);
    for (const wrong of ["?state=Lost", "?limit=0", "?sort=size", "?after=xyz", "?colour=red"])
      expect((await api.get(`v1/sessions/${session}/tasks${wrong}`)).status).toBe(400);
    expect((await api.get("v1/sessions/n0session/tasks")).status).toBe(404);
  });
});

describe("a file of tasks", () => {
  const row = (n: number | string) => `/srv/bulk/${n},,,${site},Documents,Bulk/${n}`;

  beforeAll(async () => {
    session = await newSession();
  });

  it("creates all or nothing, unless the valid ones are asked for", async () => {
    await createTask({ source: "/srv/bulk/1", destination: JSON.parse(place(1)) });
    const text = [row(1), row(2), "share,,,x,,", row(2), row("a:b"), row(3)].join("\n");
    const refused = bulkResultSchema.parse((await bulk(text)).json);
    expect(refused).toMatchObject({
      ...{ rows: 6, created: 0, valid: 2, invalid: 2, duplicates: 2 },
      results: [
        { row: 1, status: "duplicate", task: expect.stringContaining(session) },
        { row: 2, status: "valid" },
        { row: 3, status: "invalid" },
        { row: 4, status: "duplicate" },
        { row: 5, status: "invalid" },
        { row: 6, status: "valid" },
      ],
    });
    expect(refused.problems.map(({ row: at, column }) => `${at} ${column}`)).toEqual([
      "1 A (FileSharePath)",
      "3 A (FileSharePath)",
      "3 D (SharePointSite)",
      "3 E (DocLibrary)",
      "4 A (FileSharePath)",
      "5 F (DocSubFolder)",
    ]);
    const dry = (await bulk(text, "?mode=valid-only&dryRun=true")).json;
    expect(dry).toMatchObject({ created: 0, valid: 2, dryRun: true });
    expect(await list()).toHaveLength(1);
    const made = bulkResultSchema.parse((await bulk(text, "?mode=valid-only")).json);
    expect(made).toMatchObject({ created: 2, valid: 0, invalid: 2, duplicates: 2 });
    expect(await list("?sort=created")).toMatchObject([
      { source: "/srv/bulk/1" },
      { source: "/srv/bulk/2", name: "2", state: "Scheduled" },
      { source: "/srv/bulk/3" },
    ]);

    const file = await api.get(made.resultFile);
    expect(file.headers.get("content-disposition")).toContain("attachment");
    const lines = parse(file.text, { bom: true, columns: true }) as Record<string, string>[];
    expect(lines.map(({ Row, Status }) => `${Row} ${Status}`)).toEqual(
      made.results.map(({ row: at, status }) => `${at} ${status}`),
    );
    expect(lines[2]?.Problems).toMatch(/D \(SharePointSite\): must be an https URL.* Give the/);
    expect((await api.get("v1/sessions/n0session/bulk/aaaa/result.csv")).status).toBe(404);
  });

  it("may be JSON as documented, with its comma too many", async () => {
    const text = `{ "Tasks": [ { "SourcePath": "\\\\\\\\srv\\\\json", "TargetPath": "${site}", "TargetList": "Documents", "TargetListRelativePath": "", "Settings": { "MigrateHiddenItems": false, "EnableIncremental": true }, }, ] }`;
    const made = bulkResultSchema.parse((await bulk(text, "", "application/json")).json);
    expect(made).toMatchObject({ format: "migration-manager-json", created: 1, problems: [] });
    expect(made.warnings).toMatchObject([{ row: 1, column: "Settings.EnableIncremental" }]);
    const task = (await api.get(`v1/tasks/${made.results[0]?.task}`)).json;
    expect(task).toMatchObject({ source: "\\\\srv\\json", settings: { migrateHidden: false } });
  });

  it("is created once under one idempotency key", async () => {
    const send = () =>
      api.post(`v1/sessions/${session}/tasks/bulk`, row("once"), {
        headers: { "content-type": "text/csv", "idempotency-key": "once" },
      });
    const [first, again] = [await send(), await send()];
    expect(first.json).toMatchObject({ created: 1 });
    expect(again.json).toEqual(first.json);
  });

  it("gives its tasks their schedules", async () => {
    const at = new Date(Date.now() + 2_000).toISOString();
    const { siteUrl } = api.surroundings;
    const text = `source,site,library,at\n/srv/due,${siteUrl},Documents,${at}`;
    const { json } = await bulk(text);
    const task = `v1/tasks/${json.results[0].task}`;
    expect((await api.get(task)).json).toMatchObject({ state: "Scheduled", schedule: { at } });
    await until(async () => {
      await api.fire("wakeTasks");
      return (await api.get(task)).json.state !== "Scheduled";
    });
  });

  it("is refused for its type, and to readers", async () => {
    expect((await bulk("x", "", "text/plain")).status).toBe(415);
    const asReader = { as: "reader" as const, headers: { "content-type": "text/csv" } };
    expect((await api.post(`v1/sessions/${session}/tasks/bulk`, row(9), asReader)).status).toBe(
      403,
    );
    expect((await bulk(row(9), "?mode=some")).status).toBe(400);
  });
});

describe("a session's file", () => {
  it("makes the same session again, in order, with everything that was set", async () => {
    session = await newSession({ settings: { onConflict: "skip" } });
    const text = [
      "source,site,library,folder,name,tags,agentGroup,cron,timeZone,setting.packageItems",
      `/srv/a,${site},Documents,,First,x;y,paris,0 22 * * *,Europe/Paris,100`,
      `/srv/b,jane@contoso.com,Documents,Old,,,,,,`,
    ].join("\n");
    expect((await bulk(text)).json).toMatchObject({ created: 2, format: "longshore-csv" });
    const exported = await api.get(`v1/sessions/${session}/export`, { as: "reader" });
    const file = sessionFileSchema.parse(exported.json);
    expect(file.tasks).toHaveLength(2);

    const imported = await api.post("v1/sessions/import", exported.text);
    expect(imported.status).toBe(201);
    expect(imported.json).toMatchObject({
      ...{ tasks: 2, duplicates: [] },
      session: { name: "Wave 1", settings: { onConflict: "skip" } },
    });
    const { id } = imported.json.session;
    expect(id).not.toBe(session);
    const copy = await api.get(`v1/sessions/${id}/export`);
    const without = (text: string) => {
      const { tasks } = sessionFileSchema.parse(JSON.parse(text));
      const rest = tasks.map(({ createdAt: _at, ...task }) => task);
      return rest.sort((one, other) => (one.source < other.source ? -1 : 1));
    };
    expect(without(copy.text)).toEqual(without(exported.text));
    const other = { ...exported.json, version: 2 };
    expect((await api.post("v1/sessions/import", other)).status).toBe(400);
    const [entry] = (await api.get("v1/audit?limit=1")).json.entries;
    expect(entry).toMatchObject({ action: "importSession", ids: { session: id } });
  });

  it("does not run again what was due once", async () => {
    const task = {
      ...{ name: "over", source: "/srv/over", agentGroup: "default", tags: [] },
      destination: { siteUrl: site, library: "Documents", folder: "" },
      schedule: { at: "2020-01-01T00:00:00.000Z" },
    };
    const head = { kind: "longshore-session", version: 1, exportedAt: "2021-01-01T00:00:00.000Z" };
    const file = { ...head, session: { name: "Kept" }, tasks: [task] };
    const { json } = await api.post("v1/sessions/import", file);
    const [imported] = (await api.get(`v1/sessions/${json.session.id}/tasks`)).json.tasks;
    expect(imported).toMatchObject({ name: "over", state: "Scheduled" });
    expect(imported).not.toHaveProperty("schedule");
  });
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await isSo()); await delay(100))
    if (Date.now() > end) throw new Error(`it never came to that\n${api.log()}`);
}

const place = (n: number) =>
  JSON.stringify({ siteUrl: site, library: "Documents", folder: `Bulk/${n}` });
