import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceBusClient } from "@azure/service-bus";
import { afterAll, describe, expect, it } from "@jest/globals";
import { controlPlane } from "../../test/support/suite.ts";

const clients: Pick<ServiceBusClient, "close">[] = [];
// Before Service Bus ends.
afterAll(() => Promise.all(clients.map((client) => client.close())));
const { app } = controlPlane();

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

  it("that are sent for later come later", async () => {
    await app.queues.send("default", message("later"), 700);
    await app.queues.send("default", message("at once"));
    const found: unknown[] = [];
    while (found.length < 2) found.push(...(await app.messages()));
    expect(found).toEqual([message("at once"), message("later")]);
  });

  it("that are sent again are one message; another epoch is another one", async () => {
    for (const epoch of [1, 1, 2, 1, 2]) await app.queues.send("default", message("twice", epoch));
    expect(await app.messages()).toEqual([message("twice", 1), message("twice", 2)]);
  });
});

describe("the queue of a group", () => {
  const admin = async () => {
    const { ServiceBusAdministrationClient } = await import("@azure/service-bus");
    return new ServiceBusAdministrationClient(app.config.SERVICE_BUS_CONNECTION);
  };
  /** Another process, with a policy that may only send unless told otherwise. */
  async function another({ may = "send" } = {}): Promise<typeof app.queues> {
    const { WorkQueues } = await import("./workQueues.ts");
    const connection = app.config.SERVICE_BUS_CONNECTION.replaceAll("manage", may);
    const queues = new WorkQueues({ ...app.config, SERVICE_BUS_CONNECTION: connection });
    clients.push(queues);
    return queues;
  }

  it("is made by the first message, as those that are made by hand are to be", async () => {
    await app.queues.send("lyon", message("first"));
    expect(await app.messages("work-lyon")).toEqual([message("first")]);
    expect(await (await admin()).getQueue("work-lyon")).toMatchObject({
      lockDuration: "PT1M",
      maxDeliveryCount: 10,
      requiresDuplicateDetection: true,
      duplicateDetectionHistoryTimeWindow: "PT10M",
    });
  });

  it("is made for the first agent, whoever makes it at the same time, and is empty", async () => {
    const others = [await another({ may: "manage" }), await another({ may: "manage" })];
    const all = [app.queues, app.queues, ...others];
    await Promise.all(all.map((queues) => queues.ensure("nice")));
    await app.queues.ensure("nice");
    const counts = await (await admin()).getQueueRuntimeProperties("work-nice");
    expect(counts.totalMessageCount).toBe(0);
  });

  it("is missed with a code, and the reason, by an app that may not make it", async () => {
    const queues = await another();
    const refusal = {
      code: "QUEUE_MISSING",
      message: expect.stringMatching(/no queue work-nantes, .* has no Manage claim/),
    };
    await expect(queues.send("nantes", message("x"))).rejects.toMatchObject(refusal);
    await expect(queues.ensure("nantes")).rejects.toMatchObject(refusal);
    // It is noticed when somebody has made it.
    await app.queues.ensure("nantes");
    await queues.send("nantes", message("x"));
    await queues.ensure("nantes");
    expect(await app.messages("work-nantes")).toEqual([message("x")]);
  });
});

describe("a Service Bus that does not answer", () => {
  it("keeps nobody waiting who only wants to be sure of a queue", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const { WorkQueues } = await import("./workQueues.ts");
    const queues = new WorkQueues({
      ...app.config,
      SERVICE_BUS_CONNECTION: `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true`,
    });
    await queues.ensure("default");
    await queues.close();
    for (const socket of sockets) socket.destroy();
    silent.close();
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
