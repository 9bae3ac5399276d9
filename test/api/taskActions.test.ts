/* What people do with tasks, over HTTP, on the running app: without an agent, so a round stays where its scan waits for one. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startApi, type TestApi } from "../support/api.ts";

let api: TestApi;
let session: string;
let tasks = 0;

beforeAll(async () => {
  api = await startApi({ TASKS_AT_ONCE: "1" });
  session = (await api.post("v1/sessions", { name: "actions" })).json.id;
}, 120_000);
afterAll(async () => {
  await api?.stop();
});

async function create(more: object = {}): Promise<string> {
  const siteUrl = api.surroundings.siteUrl;
  const answer = await api.post(`v1/sessions/${session}/tasks`, {
    ...{ name: `task ${++tasks}`, source: `/srv/${tasks}`, start: "manually" },
    destination: { siteUrl, library: "Documents", folder: `f${tasks}` },
    ...more,
  });
  expect(answer.status).toBe(201);
  return answer.json.id;
}
const view = async (id: string) => (await api.get(`v1/tasks/${id}`)).json;
const act = (id: string, action: string) => api.post(`v1/tasks/${id}/${action}`);
async function reaches(id: string, state: string): Promise<ReturnType<typeof view>> {
  for (const end = Date.now() + 30_000; ; await delay(100)) {
    const found = await view(id);
    if (found.state === state) return found;
    if (Date.now() > end) throw new Error(`${id} is ${found.state}, not ${state}\n${api.log()}`);
  }
}

describe("tasks on the running app", () => {
  it("take turns, say why they wait, pause, resume, are cancelled and deleted", async () => {
    const [a, b, c] = [await create(), await create(), await create()];
    expect((await view(a)).waitingFor).toEqual({
      reason: "it waits to be run",
      remedy: "Run it, or give it a schedule.",
    });
    for (const id of [a, b, c]) expect((await act(id, "run")).status).toBe(202);
    await reaches(a, "InProgress");
    expect((await view(b)).waitingFor.reason).toMatch(
      /has 1 tasks in progress, and this one is next/,
    );
    expect((await view(c)).waitingFor.reason).toBe("1 task is before this one in group default");
    for (const end = Date.now() + 20_000; Date.now() < end; await delay(100))
      if ((await view(a)).waitingFor) break;
    expect((await view(a)).waitingFor.reason).toBe("group default has no agent");

    // Its turn goes to the next as soon as it is paused.
    await act(a, "pause");
    expect((await reaches(a, "Paused")).waitingFor.reason).toMatch(/^paused by /);
    await reaches(b, "InProgress");
    await act(a, "resume");
    expect((await view(a)).state).toBe("Queued");
    await act(c, "pause");
    expect((await view(c)).state).toBe("Paused");

    await act(b, "cancel");
    const cancelled = await reaches(b, "Cancelled");
    expect(cancelled.round.state).toBe("Cancelled");
    await reaches(a, "InProgress");

    const refused = await api.change("DELETE", `v1/tasks/${a}`);
    expect([refused.status, refused.json.code]).toEqual([409, "CONFLICT"]);
    expect(refused.json.detail).toContain("cancel it first");
    for (const id of [b, c])
      expect((await api.change("DELETE", `v1/tasks/${id}`)).status).toBe(204);
    expect((await api.get(`v1/tasks/${b}`)).status).toBe(404);
    await api.fire("eraseTasks");
    const reports = await api.get(`v1/tasks/${b}/rounds/0/reports`);
    expect([200, 404]).toContain(reports.status);
    await act(a, "cancel");
    await reaches(a, "Cancelled");
  }, 120_000);

  it("refuse what their state does not allow, and what is asked without its version", async () => {
    const id = await create();
    for (const action of ["pause", "resume"]) {
      const answer = await act(id, action);
      expect([answer.status, answer.json.code]).toEqual([409, "CONFLICT"]);
      expect(answer.json.detail).toContain(`a task that is Scheduled cannot ${action}: only one`);
    }
    expect((await api.call("DELETE", `v1/tasks/${id}`)).status).toBe(428);
    const stale = { headers: { "if-match": '"stale"' } };
    expect((await api.call("DELETE", `v1/tasks/${id}`, stale)).status).toBe(412);
    expect((await api.post(`v1/tasks/${id}/run`, undefined, { as: "reader" })).status).toBe(403);
    expect((await act("none0000-none0000", "run")).status).toBe(404);
  });

  it("are acted on together", async () => {
    const ids = [await create({ tags: ["bulk"] }), await create({ tags: ["bulk"] })];
    const path = `v1/sessions/${session}/actions`;
    const cancelled = await api.post(path, { action: "cancel", filter: { tag: "bulk" } });
    expect(
      cancelled.json.results
        .map(({ id, state }: { id: string; state: string }) => [id, state])
        .sort(),
    ).toEqual(ids.map((id) => [id, "Cancelled"]).sort());
    const again = await api.post(path, { action: "cancel", tasks: ids });
    // They are: nothing is done a second time.
    for (const each of again.json.results)
      expect(each).toMatchObject({ ok: true, state: "Cancelled" });
    const resumed = await api.post(path, { action: "resume", tasks: ids });
    for (const each of resumed.json.results)
      expect(each).toMatchObject({ ok: false, problem: { code: "CONFLICT" } });
    expect((await api.post(path, { action: "cancel" })).status).toBe(400);
    const gone = await api.post(path, { action: "delete", tasks: ids });
    expect(gone.json.results.every(({ ok }: { ok: boolean }) => ok)).toBe(true);
    const trail = (await api.get(`v1/audit?task=${ids[0]}`)).json.entries;
    expect(trail.map(({ action }: { action: string }) => action)).toEqual([
      "deleteTask",
      "cancelTask",
      "createTask",
    ]);
  });

  it("go on in another group of agents after a pause", async () => {
    const id = await create({ agentGroup: "oslo", start: "now" });
    const waitsFor = async (group: string) => {
      for (const end = Date.now() + 30_000; ; await delay(100)) {
        const { waitingFor } = await view(id);
        if (waitingFor?.reason === `group ${group} has no agent`) return;
        if (Date.now() > end) throw new Error(`${waitingFor?.reason}\n${api.log()}`);
      }
    };
    await reaches(id, "InProgress");
    await waitsFor("oslo");
    expect((await act(id, "pause")).status).toBe(202);
    await reaches(id, "Paused");
    await api.change("PATCH", `v1/tasks/${id}`, { agentGroup: "bergen" });
    expect((await act(id, "resume")).status).toBe(202);
    await reaches(id, "InProgress");
    await waitsFor("bergen");
    await act(id, "cancel");
    await reaches(id, "Cancelled");
  }, 60_000);

  it("run by their schedule", async () => {
    const at = new Date(Date.now() - 1_000).toISOString();
    const id = await create({ schedule: { at }, start: undefined });
    expect(await view(id)).toMatchObject({
      state: "Scheduled",
      waitingFor: { reason: `it is due at ${at}` },
    });
    await api.fire("wakeTasks");
    await reaches(id, "InProgress");
    await act(id, "cancel");
    await reaches(id, "Cancelled");
    const cron = { cron: "0 3 * * *", timeZone: "Europe/Paris" };
    const weekly = await create({ schedule: cron, start: undefined });
    const { nextRunAt, waitingFor } = await view(weekly);
    expect(waitingFor.reason).toBe(`it is due at ${nextRunAt}`);
  }, 60_000);
});
