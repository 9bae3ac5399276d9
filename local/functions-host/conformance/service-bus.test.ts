import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Broker, startBroker } from "../../service-bus/broker.ts";
import { startTestHost, type TestHost } from "./test-host.ts";

const QUEUE = "work";
const MAX_DELIVERIES = 10;

let dataDirectory: string;
let broker: Broker;
let client: ServiceBusClient;
let host: TestHost;

const connectionTo = (port: number) =>
  `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=root;SharedAccessKey=secret;UseDevelopmentEmulator=true`;

const openBroker = (port?: number): Promise<Broker> =>
  startBroker({
    dataDirectory,
    ...(port !== undefined && { port }),
    config: {
      policies: [{ name: "root", primaryKey: "secret", rights: ["Manage"] }],
      queues: [{ name: QUEUE, maxDeliveryCount: MAX_DELIVERIES }, { name: "kept" }],
    },
  });

beforeAll(async () => {
  dataDirectory = mkdtempSync(path.join(os.tmpdir(), "functions-host-bus-"));
  broker = await openBroker();
  const connection = connectionTo(broker.port);
  client = new ServiceBusClient(connection);
  host = await startTestHost({ FIXTURE_BUS: connection, FIXTURE_QUEUE: QUEUE });
});
afterAll(async () => {
  await host.dispose();
  await client.close();
  await broker.close();
  rmSync(dataDirectory, { recursive: true, force: true });
});

async function received(count: number, prefix = "bus ") {
  for (const end = Date.now() + 10_000; host.journal(prefix).length < count; await sleep(20)) {
    if (Date.now() > end) throw new Error(`fewer than ${count} messages reached the function`);
  }
  return host.journal(prefix).map((line) => JSON.parse(line.slice(prefix.length)));
}

it("56: completes on success; abandons on failure, ten times, then the message is dead", async () => {
  const sender = client.createSender(QUEUE);
  await sender.sendMessages({ body: { ok: true }, messageId: "m1" });
  expect(await received(1)).toMatchObject([
    { message: { ok: true }, messageId: "m1", deliveryCount: 1 },
  ]);
  await sender.sendMessages({ body: { fail: true }, messageId: "m2" });
  const deliveries = (await received(1 + MAX_DELIVERIES)).slice(1);
  expect(deliveries.map(({ deliveryCount }) => deliveryCount)).toEqual(
    Array.from({ length: MAX_DELIVERIES }, (_, i) => i + 1),
  );
  const dead = client.createReceiver(QUEUE, { subQueueType: "deadLetter" });
  const [message] = await dead.receiveMessages(1, { maxWaitTimeInMs: 5000 });
  expect(message).toMatchObject({
    messageId: "m2",
    deadLetterReason: "MaxDeliveryCountExceeded",
  });
  expect(host.journal("bus ")).toHaveLength(1 + MAX_DELIVERIES);
  const rest = await client.createReceiver(QUEUE).peekMessages(10);
  expect(rest).toEqual([]);
});

it("56: a function may leave its messages uncompleted", async () => {
  await client.createSender("kept").sendMessages({ body: { kept: 1 } });
  expect(await received(1, "kept ")).toEqual([1]);
  await sleep(200);
  expect(await client.createReceiver("kept").peekMessages(2)).toHaveLength(1);
});

it("56: a trigger goes on soon after Service Bus was away", async () => {
  const { port } = broker;
  const before = host.journal("bus ").length;
  await broker.close();
  await sleep(1500); // The client has to find nobody there once.
  broker = await openBroker(port);
  const later = new ServiceBusClient(connectionTo(port));
  await later.createSender(QUEUE).sendMessages({ body: { ok: "again" } });
  await later.close();
  expect((await received(before + 1)).at(-1)).toMatchObject({ message: { ok: "again" } });
}, 30_000);

it("56: a stopping host settles what it is working on", async () => {
  expect(await host.kill()).toBe(0);
});
