import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { text } from "node:stream/consumers";
import { ServiceBusAdministrationClient } from "@azure/service-bus";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import { type Certificate, openCertificate } from "../certificate.ts";
import {
  errorCode,
  keyConnectionString,
  receive,
  receiveOne,
  signSas,
  sleep,
  startTestBroker,
  type TestBroker,
  temporaryDirectory,
} from "./test-support.ts";

const directory = temporaryDirectory();
let certificate: Certificate;
let broker: TestBroker;

beforeAll(async () => {
  certificate = await openCertificate(directory);
  const queues = {
    ws: { lockDuration: "PT2S" },
    counted: { lockDuration: "PT1M30S", defaultMessageTimeToLive: "P14D", maxDeliveryCount: 7 },
    "agents/paris": { requiresDuplicateDetection: true },
  };
  broker = await startTestBroker(queues, certificate);
});
afterAll(async () => {
  await broker.dispose();
  rmSync(directory, { recursive: true });
});

const overWebSocket = (policy = "root", key = "root-1") => {
  const options = { ca: certificate.cert };
  const webSocketOptions = { webSocket: WebSocket, webSocketConstructorOptions: options };
  return broker.client(policy, key, { webSocketOptions });
};
const admin = (policy = "root", key = "root-1") =>
  new ServiceBusAdministrationClient(keyConnectionString(broker.port, policy, key), {
    tlsOptions: { ca: certificate.cert },
    retryOptions: { maxRetries: 0 },
  });

describe("AMQP over WebSockets", () => {
  it("36 send, receive, renew, peek, schedule, complete", async () => {
    const client = overWebSocket();
    const sender = client.createSender("ws");
    const receiver = client.createReceiver("ws", { maxAutoLockRenewalDurationInMs: 0 });
    await sender.sendMessages([{ body: "one" }, { body: Buffer.alloc(200_000, 1) }]);
    expect((await receiver.peekMessages(2)).map((message) => message.body)).toEqual([
      "one",
      Buffer.alloc(200_000, 1),
    ]);
    const [one, large] = await receiver.receiveMessages(2, { maxWaitTimeInMs: 2_000 });
    if (!one || !large) throw new Error("two messages were expected");
    const before = one.lockedUntilUtc?.getTime();
    await sleep(1_200);
    const renewed = await receiver.renewMessageLock(one);
    expect(renewed.getTime()).toBeGreaterThan(Number(before) + 1_000);
    await sleep(1_200);
    await receiver.completeMessage(one);
    expect(await errorCode(receiver.completeMessage(large))).toBe("MessageLockLost");
    expect(await receive(receiver)).toMatchObject({ deliveryCount: 1 });
  });

  it("36b one link takes its credit at once: many small messages do not stall", async () => {
    const client = overWebSocket();
    const sender = client.createSender("ws");
    const receiver = client.createReceiver("ws", { receiveMode: "receiveAndDelete" });
    await receiveOne(receiver, 2_500);
    const bodies = [...Array(300).keys()];
    const took: number[] = [];
    for (const body of bodies) {
      const began = performance.now();
      await sender.sendMessages({ body });
      took.push(performance.now() - began);
    }
    const got = [];
    while (got.length < bodies.length)
      for (const { body } of await receiver.receiveMessages(300, { maxWaitTimeInMs: 3_000 }))
        got.push(body);
    expect(got).toEqual(bodies);
    // 40 ms each, if every send waited for a delayed acknowledgement; a busy machine takes its time for some.
    expect(Math.min(...took.slice(100))).toBeLessThan(40);
  });

  it("36c a wrong key is refused, and so is another path", async () => {
    const refused = overWebSocket("root", "wrong").createSender("ws").sendMessages({ body: 1 });
    expect(await errorCode(refused)).toBe("UnauthorizedAccess");
    const wrong = new WebSocket(`wss://127.0.0.1:${broker.port}/elsewhere`, ["AMQPWSB10"], {
      ca: certificate.cert,
    });
    const problem = await new Promise<Error>((resolve) => wrong.once("error", resolve));
    expect(problem.message).toContain("404");
  });
});

describe("the administration client", () => {
  it("37 counts active, scheduled and dead-lettered messages, and bytes", async () => {
    const client = broker.client();
    const sender = client.createSender("counted");
    const receiver = client.createReceiver("counted");
    await sender.sendMessages([1, 2, 3, 4].map((body) => ({ body })));
    await sender.scheduleMessages([{ body: 5 }], new Date(Date.now() + 60_000));
    const [dead, deferred] = await receiver.receiveMessages(2, { maxWaitTimeInMs: 2_000 });
    if (!dead || !deferred) throw new Error("two messages were expected");
    await receiver.deadLetterMessage(dead);
    await receiver.deferMessage(deferred);
    await receive(receiver);
    const properties = await admin().getQueueRuntimeProperties("counted");
    expect(properties).toMatchObject({
      name: "counted",
      activeMessageCount: 3,
      scheduledMessageCount: 1,
      deadLetterMessageCount: 1,
      totalMessageCount: 5,
      transferMessageCount: 0,
      createdAt: expect.any(Date),
    });
    expect(properties.sizeInBytes).toBeGreaterThan(5);
  });

  it("38 reads settings, exists, lists page by page; a missing entity is MessageEntityNotFoundError", async () => {
    expect(await admin().getQueue("Counted")).toMatchObject({
      name: "counted",
      lockDuration: "PT1M30S",
      defaultMessageTimeToLive: "P14D",
      maxDeliveryCount: 7,
      duplicateDetectionHistoryTimeWindow: "PT10M",
      autoDeleteOnIdle: "P10675199DT2H48M5.4775807S",
      requiresSession: false,
      maxMessageSizeInKilobytes: 256,
    });
    expect((await admin().getQueue("agents/paris")).name).toBe("agents/paris");
    expect(await admin().queueExists("ws")).toBe(true);
    expect(await admin().queueExists("nope")).toBe(false);
    const names = [];
    for await (const page of admin().listQueues().byPage({ maxPageSize: 2 }))
      names.push(page.map(({ name }) => name));
    expect(names).toEqual([["ws", "counted"], ["agents/paris"]]);
    const counts = [];
    for await (const queue of admin().listQueuesRuntimeProperties())
      counts.push(queue.totalMessageCount);
    expect(counts).toHaveLength(3);
    const missing = { code: "MessageEntityNotFoundError" };
    await expect(admin().getQueue("nope")).rejects.toMatchObject(missing);
    await expect(admin().getSubscription("topic", "one")).rejects.toMatchObject(missing);
  });

  it("38b what would change the namespace is a bad request that says why", async () => {
    const refusal = { statusCode: 400, message: expect.stringContaining("SubCode=40000") };
    await expect(admin().createTopic("topic")).rejects.toMatchObject(refusal);
    await expect(admin().createSubscription("topic", "one")).rejects.toMatchObject(refusal);
    await expect(admin().updateQueue(await admin().getQueue("ws"))).rejects.toMatchObject(refusal);
    await expect(admin().deleteQueue("ws")).rejects.toMatchObject(refusal);
  });

  it("39 a wrong key, a policy without Manage, no token and a token for another queue are 401", async () => {
    const refusal = { statusCode: 401, code: "UnauthorizedRequestError" };
    await expect(admin("root", "wrong").getQueue("ws")).rejects.toMatchObject(refusal);
    await expect(admin("listener", "listen-1").getQueue("ws")).rejects.toMatchObject(refusal);
    await expect(admin("only-a", "a-1").getQueue("ws")).rejects.toMatchObject(refusal);
    // Plain HTTP is answered as well, for tools that trust no certificate.
    const url = `http://127.0.0.1:${broker.port}/ws?api-version=2021-05`;
    expect((await fetch(url)).status).toBe(401);
    const authorization = signSas(url.replace(/ws\?.*/, "counted"), "root", "root-1", 60);
    expect((await fetch(url, { headers: { authorization } })).status).toBe(401);
    const counted = url.replace("/ws?", "/counted?");
    const allowed = await fetch(counted, { headers: { authorization } });
    expect(await allowed.text()).toContain("<QueueDescription");
  });
});

describe("a process that has the certificate in NODE_EXTRA_CA_CERTS", () => {
  async function run(script: string, connection: string): Promise<string> {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate.file, CONNECTION: connection },
    });
    return text(child.stdout);
  }

  it("36d takes work with the agent's client over the WebSocket of its Node", async () => {
    const module = new URL("../../agent/work-queue.ts", import.meta.url).href;
    const script = `
      import { openWorkQueue } from ${JSON.stringify(module)};
      const queue = openWorkQueue(process.env.CONNECTION, "agents/paris", "amqp-websockets");
      await queue.probe();
      const message = await queue.receive(5000, new AbortController().signal);
      await message.complete();
      await queue.close();
      console.log(message.work.workItem);`;
    const body = { version: 1, workItem: "item0001", epoch: 1 };
    await broker.client().createSender("agents/paris").sendMessages({ body });
    const connection = keyConnectionString(broker.port, "listener", "listen-1");
    expect(await run(script, connection)).toBe("item0001\n");
  });

  it("speaks AMQP over TLS, as every client does without the emulator switch", async () => {
    const script = `
      import { ServiceBusClient } from "@azure/service-bus";
      const client = new ServiceBusClient(process.env.CONNECTION);
      await client.createSender("ws").sendMessages({ body: "over TLS" });
      const receiver = client.createReceiver("ws", { receiveMode: "receiveAndDelete" });
      const bodies = [];
      while (!bodies.includes("over TLS"))
        for (const { body } of await receiver.receiveMessages(9, { maxWaitTimeInMs: 1_000 })) bodies.push(body);
      await client.close();
      console.log(bodies.at(-1));`;
    const connection = keyConnectionString(broker.port).replace(";UseDevelopmentEmulator=true", "");
    expect(await run(script, connection.replace("127.0.0.1", "localhost"))).toBe("over TLS\n");
  });
});
