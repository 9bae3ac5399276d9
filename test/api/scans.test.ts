import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startApi, type TestApi } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
}, 60_000);
afterAll(() => api?.stop());

type Row = { row: number; message: string };
const later = { start: "manually" };

describe("scans", () => {
  it("are created for a source alone, shown, listed and not twice for the same source", async () => {
    const made = await api.post("v1/scans", { source: "\\\\fs01\\finance", ...later });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ name: "\\\\fs01\\finance", state: "Scheduled", tags: [] });
    expect(made.json).not.toHaveProperty("destination");
    expect(made.json.effective.scanOnly).toEqual({ value: true, from: "task" });
    const again = await api.post("v1/scans", { source: "\\\\FS01\\Finance\\", ...later });
    expect([again.status, again.json.code]).toEqual([409, "DUPLICATE_TASK"]);

    const { json } = await api.get("v1/scans", { as: "reader" });
    expect(json.scans).toMatchObject([{ id: made.json.id, source: "\\\\fs01\\finance" }]);
    expect((await api.get(`v1/scans/${made.json.id}`)).json).toEqual(made.json);
    // Not among the sessions, and nobody makes tasks there.
    expect((await api.get("v1/sessions")).json.sessions).toEqual([]);
    expect((await api.post("v1/sessions/scans/tasks", {})).status).toBeGreaterThanOrEqual(400);
  });

  it("are created from a file with one column, all or none, and once for each source", async () => {
    const send = (body: string, query = "") =>
      api.call("POST", `v1/scans/bulk${query}`, { body, headers: { "content-type": "text/csv" } });
    const bad = await send("Source path\r\n\\\\fs02\\a\r\nrelative\r\n/srv/b,/srv/c\r\n");
    expect(bad.json.problems.map(({ row, message }: Row) => [row, message])).toEqual([
      [3, "is not an absolute path"],
      [4, "is a second column"],
    ]);
    expect(bad.json.scans).toEqual([]);
    const file = "\ufeffSource path\r\n\\\\fs02\\a\r\n/srv/b\n\\\\FS02\\A\\\n\n/srv/b2\n";
    expect((await send(file, "?dryRun=true")).json).toEqual({ rows: 4, problems: [], scans: [] });
    const { status, json } = await send(file, "?agentGroup=paris");
    expect(status).toBe(200);
    const [a, b, again, b2] = json.scans;
    expect([a, b, b2].map(({ isNew, row }) => [isNew, row])).toEqual([
      [true, 2],
      [true, 3],
      [true, 6],
    ]);
    expect(again).toMatchObject({ scan: a.scan, isNew: false });
    expect((await send("/srv/b")).json.scans).toMatchObject([{ scan: b.scan, isNew: false }]);
    const shown = await api.get(`v1/scans/${a.scan}`);
    expect(shown.json).toMatchObject({ agentGroup: "paris", source: "\\\\fs02\\a" });
  });

  it("become tasks of a session, with their settings and tags, and stay", async () => {
    const scan = await api.post("v1/scans", {
      ...{ source: "/srv/hr", tags: ["wave 1"], settings: { excludeExtensions: "TMP" }, ...later },
    });
    const session = (await api.post("v1/sessions", { name: "HR" })).json.id;
    const copy = (more: object) =>
      api.post(`v1/scans/${scan.json.id}/copy`, { session, ...later, ...more });

    const without = await copy({});
    expect([without.status, without.json.code]).toEqual([400, "BAD_REQUEST"]);
    expect(without.json.detail).toContain("destination");
    const destination = { siteUrl: api.surroundings.siteUrl, library: "Documents", folder: "HR" };
    const task = await copy({ destination, settings: { onConflict: "skip" } });
    expect(task.status).toBe(201);
    expect(task.json).toMatchObject({
      ...{ sessionId: session, source: "/srv/hr", destination, tags: ["wave 1"] },
      settings: { excludeExtensions: "TMP", onConflict: "skip" },
      effective: { scanOnly: { value: false, from: "default" } },
    });
    expect((await api.get(`v1/scans/${scan.json.id}`)).status).toBe(200);
    expect((await api.get(`v1/scans/${task.json.id}`)).status).toBe(404);
  });

  it("are deleted under their version, but not while they run", async () => {
    const { json } = await api.post("v1/scans", { source: "/srv/legal" });
    const running = await api.change("DELETE", `v1/scans/${json.id}`);
    expect([running.status, running.json.code]).toEqual([409, "CONFLICT"]);
    const idle = (await api.post("v1/scans", { source: "/srv/sales", ...later })).json.id;
    expect((await api.call("DELETE", `v1/scans/${idle}`)).status).toBe(428);
    expect((await api.change("DELETE", `v1/scans/${idle}`)).status).toBe(204);
    expect((await api.get(`v1/scans/${idle}`)).status).toBe(404);
  });

  it("are for operators to make and for readers to see", async () => {
    const body = { source: "/srv/x" };
    expect((await api.post("v1/scans", body, { as: "reader" })).status).toBe(403);
    expect((await api.get("v1/tasks/scans-nonesuch/rounds/0/assessment")).status).toBe(404);
  });
});

describe("global settings", () => {
  it("are replaced under their version, and count for every task that says nothing else", async () => {
    const { json, headers } = await api.get("v1/settings", { as: "reader" });
    expect(json.settings).toEqual({});
    expect(json.effective.parallelPackages).toEqual({ value: 6, from: "default" });
    const put = (body: object, etag?: string) =>
      api.call("PUT", "v1/settings", { body, ...(etag && { headers: { "if-match": etag } }) });
    expect((await put({})).status).toBe(428);
    const etag = headers.get("etag") ?? "";
    const changed = await put({ parallelPackages: 2, excludeExtensions: "tmp" }, etag);
    expect(changed.json.effective.parallelPackages).toEqual({ value: 2, from: "global" });
    expect((await put({}, etag)).status).toBe(412);

    const session = await api.post("v1/sessions", {
      ...{ name: "Levels", settings: { excludeExtensions: "bak" } },
    });
    const task = await api.post(`v1/sessions/${session.json.id}/tasks`, {
      ...{ name: "t", source: "/srv/t", settings: { migrateHidden: false }, ...later },
      destination: { siteUrl: api.surroundings.siteUrl, library: "Documents" },
    });
    expect(task.json.effective).toMatchObject({
      parallelPackages: { value: 2, from: "global" },
      excludeExtensions: { value: "bak", from: "session" },
      migrateHidden: { value: false, from: "task" },
      attemptsPerItem: { value: 3, from: "default" },
    });
  });

  it("refuse what no setting is, and name it", async () => {
    const refused = async (body: object) => (await api.change("PUT", "v1/settings", body)).json;
    expect(JSON.stringify((await refused({ scanonly: true })).errors)).toContain("scanonly");
    expect((await refused({ replacementCharacter: ":" })).errors).toMatchObject([
      { field: "replacementCharacter" },
    ]);
    expect((await refused({ createdAfter: "01.02.2024" })).errors).toMatchObject([
      { field: "createdAfter" },
    ]);
  });
});
