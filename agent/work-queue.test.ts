import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Broker, startBroker } from "../local/service-bus/broker.ts";
import { openWorkQueue, type WorkQueue } from "./work-queue.ts";

const directory = mkdtempSync(join(tmpdir(), "work-queue-"));
const forever = new AbortController().signal;
let broker: Broker;
let client: ServiceBusClient;
let [one, other]: WorkQueue[] = [];

beforeAll(async () => {
  broker = await startBroker({
    dataDirectory: directory,
    config: {
      policies: [{ name: "all", primaryKey: "key", rights: ["Manage"] }],
      queues: [{ name: "work-default" }],
    },
  });
  const connection = `Endpoint=sb://127.0.0.1:${broker.port};SharedAccessKeyName=all;SharedAccessKey=key;UseDevelopmentEmulator=true`;
  const { ServiceBusClient } = await import("@azure/service-bus");
  client = new ServiceBusClient(connection);
  [one, other] = [1, 2].map(() => openWorkQueue(connection, "work-default"));
});
afterAll(async () => {
  await Promise.all([client.close(), one?.close(), other?.close()]);
  await broker.close();
  rmSync(directory, { recursive: true });
});

const send = (workItem: string) =>
  client.createSender("work-default").sendMessages({ body: { version: 1, workItem, epoch: 1 } });

it("takes no message by a wait that was ended, and by the next one again", async () => {
  const leave = new AbortController();
  const waiting = one?.receive(30_000, leave.signal).catch(() => undefined);
  await sleep(300);
  leave.abort();
  expect(await waiting).toBeUndefined();
  await sleep(300);
  await send("item0001");
  const message = await other?.receive(5_000, forever);
  expect(message?.work.workItem).toBe("item0001");
  await message?.complete();
  await send("item0002");
  const next = await one?.receive(5_000, forever);
  expect(next?.work.workItem).toBe("item0002");
  await next?.complete();
}, 30_000);

it("gives a message to another consumer while its own wait for the next one ends", async () => {
  await send("item0003");
  const held = await one?.receive(5_000, forever);
  const leave = new AbortController();
  const waiting = one?.receive(30_000, leave.signal).catch(() => undefined);
  await sleep(300);
  leave.abort();
  await held?.abandon();
  const message = await other?.receive(5_000, forever);
  expect(message?.work.workItem).toBe("item0003");
  await message?.complete();
  await waiting;
}, 30_000);
