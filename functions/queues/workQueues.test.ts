import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "../../test/support/services.ts";

let around: Surroundings;
let app: TestServices;
const clients: ServiceBusClient[] = [];

beforeAll(async () => {
  around = await startSurroundings();
  app = await buildServices(around);
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await app.close();
  await around.stop();
});

const message = (workItem: string, epoch = 1) => ({ version: 1 as const, workItem, epoch });
/** A client that holds what an agent of the group gets. */
async function agentOf(group: string, seconds = 60): Promise<ServiceBusClient> {
  const connection = app.queues.listenConnection(group, new Date(Date.now() + seconds * 1000));
  const { ServiceBusClient } = await import("@azure/service-bus");
  const client = new ServiceBusClient(connection, {
    retryOptions: { maxRetries: 0, timeoutInMs: 3_000 },
  });
  clients.push(client);
  return client;
}
const receive = async (client: ServiceBusClient, queue: string) => {
  const receiver = client.createReceiver(queue, { receiveMode: "receiveAndDelete" });
  const found = await receiver.receiveMessages(10, { maxWaitTimeInMs: 500 });
  return found.map(({ body }) => body);
};

describe("work messages", () => {
  it("go to the queue of the group", async () => {
    await app.queues.send("default", message("a"));
    await app.queues.send("paris", message("b"));
    expect(await app.messages("work-default")).toEqual([message("a")]);
    expect(await app.messages("work-paris")).toEqual([message("b")]);
  });

  it("that are sent again are one message; another epoch is another one", async () => {
    for (const epoch of [1, 1, 2, 1, 2]) await app.queues.send("default", message("twice", epoch));
    expect(await app.messages()).toEqual([message("twice", 1), message("twice", 2)]);
  });

  it("for a group without a queue are refused", async () => {
    await expect(app.queues.send("nowhere", message("x"))).rejects.toMatchObject({
      code: "MessagingEntityNotFound",
    });
  });
});

describe("what an agent gets to listen with", () => {
  it("receives from its group's queue", async () => {
    await app.queues.send("default", message("for an agent"));
    expect(await receive(await agentOf("default"), "work-default")).toEqual([
      message("for an agent"),
    ]);
  });

  it("receives from no other queue", async () => {
    await expect(receive(await agentOf("default"), "work-paris")).rejects.toMatchObject({
      code: "UnauthorizedAccess",
    });
  });

  it("sends nothing", async () => {
    const sender = (await agentOf("default")).createSender("work-default");
    await expect(sender.sendMessages({ body: "x" })).rejects.toMatchObject({
      code: "UnauthorizedAccess",
    });
  });

  it("ends with its time", async () => {
    const client = await agentOf("default", 1);
    await sleep(1_500);
    await expect(receive(client, "work-default")).rejects.toMatchObject({
      code: "UnauthorizedAccess",
    });
  });

  it("holds a signature for one queue, not the policy's key", () => {
    const connection = app.queues.listenConnection("paris", new Date(0));
    expect(connection).toContain(encodeURIComponent("/work-paris"));
    expect(connection).not.toContain("listen-key");
    expect(connection).not.toContain("SharedAccessKey=");
  });
});
