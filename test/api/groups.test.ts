/* An app that may only send: what a missing queue of an agent group looks like to agents, administrators and tasks. */
import { createPrivateKey } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { createControlPlane, enrol } from "../../agent/control-plane.ts";
import { createKeyPair } from "../../agent/identity.ts";
import { introduction } from "../../agent/version.ts";
import { startApi, type TestApi } from "../support/api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startApi(({ config }) => ({
    SERVICE_BUS_CONNECTION: config.SERVICE_BUS_CONNECTION.replaceAll("manage", "send"),
  }));
}, 120_000);
afterAll(async () => {
  await api?.stop();
});

async function enrolled(group: string) {
  const { token } = (await api.post("v1/enrolment-tokens", {})).json;
  const url = api.url.replace(/\/api\/$/, "");
  const { publicKey, privateKey } = createKeyPair();
  const facts = { name: group, version: "1", protocol: 1, platform: "test" };
  const id = await enrol(url, { ...facts, token, group, publicKey });
  return { id, agent: createControlPlane(url, id, createPrivateKey(privateKey)) };
}

it("is refused to agents and administrators, shown by tasks, and over when somebody makes the queue", async () => {
  const rome = await enrolled("rome");
  const hello = () => rome.agent.hello({ ...introduction(2, []), fresh: true });
  const missing = { status: 503, code: "QUEUE_MISSING" };
  await expect(hello()).rejects.toMatchObject({
    ...missing,
    message: expect.stringContaining("no queue work-rome"),
  });
  const paris = await enrolled("paris");
  expect(await paris.agent.hello(introduction(2, []))).toMatchObject({ queue: "work-paris" });
  const moved = await api.change("PATCH", `v1/agents/${paris.id}`, { group: "rome" });
  expect(moved).toMatchObject({ status: 503, json: { code: "QUEUE_MISSING" } });
  expect((await api.get(`v1/agents/${paris.id}`)).json.group).toBe("paris");

  const session = (await api.post("v1/sessions", { name: "groups" })).json.id;
  const created = await api.post(`v1/sessions/${session}/tasks`, {
    ...{ name: "bound", source: "/srv/bound", agentGroup: "rome" },
    destination: { siteUrl: api.surroundings.siteUrl, library: "Documents" },
  });
  const waitsFor = async (reason: RegExp) => {
    for (const end = Date.now() + 40_000; ; await delay(100)) {
      const { state, waitingFor } = (await api.get(`v1/tasks/${created.json.id}`)).json;
      if (state === "InProgress" && reason.test(waitingFor?.reason)) return waitingFor;
      if (Date.now() > end) throw new Error(`${state}: ${waitingFor?.reason}\n${api.log()}`);
    }
  };
  expect(await waitsFor(/no queue work-rome/)).toEqual({
    reason:
      "Service Bus has no queue work-rome, and the app cannot make it: the policy of SERVICE_BUS_CONNECTION has no Manage claim",
    remedy: expect.stringContaining("infra/README.md"),
  });

  const { ServiceBusAdministrationClient } = await import("@azure/service-bus");
  const admin = new ServiceBusAdministrationClient(api.surroundings.config.SERVICE_BUS_CONNECTION);
  await admin.createQueue("work-rome", { requiresDuplicateDetection: true });
  await waitsFor(/^group rome has no connected agent|^the agent of group rome has no free slot/);
  expect(await hello()).toMatchObject({ queue: "work-rome" });
  const { activeMessageCount } = await admin.getQueueRuntimeProperties("work-rome");
  expect(activeMessageCount).toBe(1);
}, 120_000);
