/* The audit trail of an app whose process ends in the middle of a change. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { startApi, type TestApi } from "../support/api.ts";

let api: TestApi;
let silent: Server;
beforeAll(async () => {
  // Takes what it is sent and never answers: whoever called it is in the middle of something.
  silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(silent, "listening");
  api = await startApi({ WEBHOOK_PRIVATE_ADDRESSES: "true" });
}, 120_000);
afterAll(async () => {
  await api?.stop();
  silent.closeAllConnections();
  silent.close();
});

interface Entry {
  action: string;
  ids: Record<string, string>;
  outcome: string;
  status?: number;
}
const entries = async (query = "limit=1000"): Promise<Entry[]> =>
  (await api.get(`v1/audit?${query}`)).json.entries;

it("has an entry of a change that was cut off, whose outcome is unknown", async () => {
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  const { json: hook } = await api.post("v1/webhooks", { url });
  const called = once(silent, "request");
  const cutOff = api.post(`v1/webhooks/${hook.id}/ping`).then(
    () => "answered",
    () => "cut off",
  );
  await called;
  await api.killAndRestart();
  expect(await cutOff).toBe("cut off");
  const [entry] = (await entries()).filter(({ action }) => action === "pingWebhook");
  expect(entry).toMatchObject({ ids: { webhook: hook.id }, outcome: "unknown" });
  expect(entry).not.toHaveProperty("status");
}, 120_000);

it("has an entry of each of many tasks that were changed before the end", async () => {
  const { json: session } = await api.post("v1/sessions", { name: "many" });
  const rows = Array.from(
    { length: 400 },
    (_, n) => `/srv/${n},,,${api.surroundings.siteUrl},Documents,${n}`,
  );
  const headers = { "content-type": "text/csv" };
  const made = await api.post(`v1/sessions/${session.id}/tasks/bulk`, rows.join("\n"), { headers });
  expect(made.json.created).toBe(400);
  const path = `v1/sessions/${session.id}`;
  const cutOff = api
    .post(`${path}/actions`, { action: "cancel", filter: {} })
    .catch(() => undefined);
  const cancelled = async () => (await api.get(`${path}/summary`)).json.states.Cancelled ?? 0;
  for (const end = Date.now() + 60_000; (await cancelled()) === 0 && Date.now() < end; )
    await delay(5);
  await api.killAndRestart();
  await cutOff;
  const { tasks } = (await api.get(`${path}/tasks?limit=1000&state=Cancelled`)).json;
  expect(tasks.length).toBeGreaterThan(0);
  const known = new Set(
    (await entries()).filter(({ action }) => action === "cancelTask").map(({ ids }) => ids.task),
  );
  expect(tasks.filter(({ id }: { id: string }) => !known.has(id))).toEqual([]);
  expect(await entries(`limit=10&task=${tasks[0].id}`)).toMatchObject([{ action: "cancelTask" }]);
}, 180_000);

it("has nothing of what was refused", async () => {
  const before = (await entries()).length;
  expect((await api.post("v1/tasks/none0000-none0000/run")).status).toBe(404);
  expect((await api.post("v1/sessions", { name: "" })).status).toBe(400);
  expect((await entries()).length).toBe(before);
});
