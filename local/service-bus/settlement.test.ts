import type { ServiceBusReceiver } from "@azure/service-bus";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  errorCode,
  type QueueOptions,
  receive,
  receiveOne,
  sleep,
  startTestBroker,
  type TestBroker,
  until,
} from "./test-support.ts";

const SHORT_LOCK = { lockDuration: "PT1S" };
const QUEUES: Record<string, QueueOptions> = {
  ...Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`plain${i}`, {}])),
  ...Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`short${i}`, SHORT_LOCK])),
  three: { maxDeliveryCount: 3 },
  two: { maxDeliveryCount: 2, ...SHORT_LOCK },
  expiring: { deadLetteringOnMessageExpiration: true },
  small: { maxSizeInMegabytes: 1 },
  capped: { defaultMessageTimeToLive: "PT0.5S" },
  dedup: { requiresDuplicateDetection: true, duplicateDetectionHistoryTimeWindow: "PT2S" },
};
let broker: TestBroker;
const used = { plain: 0, short: 0 };

beforeAll(async () => {
  broker = await startTestBroker(QUEUES);
});
afterAll(() => broker.dispose());

/** Opens a queue by name, or the next unused one of a kind. Locks are not renewed behind the test's back. */
function open(queue: string) {
  const name = queue === "plain" || queue === "short" ? `${queue}${used[queue]++}` : queue;
  const client = broker.client();
  const options = { maxAutoLockRenewalDurationInMs: 0 };
  return {
    name,
    client,
    sender: client.createSender(name),
    receiver: client.createReceiver(name, options),
    deadLetters: client.createReceiver(name, { ...options, subQueueType: "deadLetter" }),
  };
}

/** Cuts the client's TCP connection. */
function cutConnection(client: object): void {
  const context = (client as { _connectionContext: { connection: unknown } })._connectionContext;
  const { socket } = (
    context.connection as { _connection: { socket: { destroy(e: Error): void } } }
  )._connection;
  socket.destroy(new Error("cut by the test"));
}

const none = (receiver: ServiceBusReceiver) =>
  expect(receiveOne(receiver, 200)).resolves.toBeUndefined();

describe("settlement", () => {
  it("09 abandon counts a delivery and merges changed properties", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages({ body: 1, applicationProperties: { keep: "k", old: 1 } });
    await receiver.abandonMessage(await receive(receiver), { old: 2, added: "x" });
    const again = await receive(receiver);
    expect(again.deliveryCount).toBe(1);
    expect(again.applicationProperties).toEqual({ keep: "k", old: 2, added: "x" });
  });

  it("10 an abandoned message keeps its place", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages([{ body: 1 }, { body: 2 }, { body: 3 }]);
    await receiver.abandonMessage(await receive(receiver));
    expect((await receive(receiver)).body).toBe(1);
  });

  it("11 after maxDeliveryCount deliveries a message is dead-lettered", async () => {
    const { sender, receiver, deadLetters } = open("three");
    await sender.sendMessages({ body: "p" });
    for (const count of [0, 1, 2]) {
      const message = await receive(receiver);
      expect(message.deliveryCount).toBe(count);
      await receiver.abandonMessage(message);
    }
    await none(receiver);
    const dead = await receive(deadLetters);
    expect(dead).toMatchObject({ deadLetterReason: "MaxDeliveryCountExceeded", deliveryCount: 3 });
    expect(dead.deadLetterErrorDescription).toContain("3 delivery attempts");
  });

  it("12 dead-letter with reason, description and properties; complete from there", async () => {
    const { sender, receiver, deadLetters } = open("plain");
    await sender.sendMessages({ body: "x", messageId: "m", applicationProperties: { a: 1 } });
    await receiver.deadLetterMessage(await receive(receiver), {
      deadLetterReason: "bad",
      deadLetterErrorDescription: "very",
      extra: 7,
    });
    const dead = await receive(deadLetters);
    expect(dead).toMatchObject({
      messageId: "m",
      body: "x",
      deliveryCount: 0,
      deadLetterReason: "bad",
      deadLetterErrorDescription: "very",
    });
    expect(dead.applicationProperties).toMatchObject({ a: 1, extra: 7 });
    await deadLetters.completeMessage(dead);
    await none(deadLetters);
  });

  it("12b a dead-lettered message cannot be dead-lettered again and is free at once", async () => {
    const { sender, receiver, deadLetters } = open("plain");
    await sender.sendMessages({ body: "x" });
    await receiver.deadLetterMessage(await receive(receiver));
    const dead = await receive(deadLetters);
    await expect(deadLetters.deadLetterMessage(dead)).rejects.toThrow("cannot be dead-lettered");
    expect((await receive(deadLetters)).deliveryCount).toBe(0);
  });

  it("12c nothing counts as a delivery in the dead-letter queue, and peek looks into it", async () => {
    const { sender, receiver, deadLetters } = open("plain");
    await sender.sendMessages({ body: "x" });
    await receiver.deadLetterMessage(await receive(receiver));
    await deadLetters.abandonMessage(await receive(deadLetters), { seen: true });
    expect((await deadLetters.peekMessages(5)).map(({ body }) => body)).toEqual(["x"]);
    expect(await receive(deadLetters)).toMatchObject({
      deliveryCount: 0,
      applicationProperties: { seen: true },
    });
  });

  it("13b deferred with changed properties, and taken for good without a lock", async () => {
    const { client, name, sender, receiver } = open("plain");
    await sender.sendMessages([{ body: 1 }, { body: 2 }]);
    const messages = await receiver.receiveMessages(2, { maxWaitTimeInMs: 2_000 });
    for (const message of messages) await receiver.deferMessage(message, { why: "later" });
    const numbers = messages.flatMap(({ sequenceNumber }) => sequenceNumber ?? []);
    const taker = client.createReceiver(name, { receiveMode: "receiveAndDelete" });
    const taken = await taker.receiveDeferredMessages(numbers);
    expect(taken.map(({ body, applicationProperties }) => [body, applicationProperties])).toEqual([
      [1, { why: "later" }],
      [2, { why: "later" }],
    ]);
    expect(await receiver.peekMessages(5)).toEqual([]);
  });

  it("13 defer, receive by number, complete; a second time is MessageNotFound", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages({ body: "d" });
    const { sequenceNumber, ...message } = await receive(receiver);
    if (!sequenceNumber) throw new Error("no sequence number");
    await receiver.deferMessage({ sequenceNumber, ...message });
    await none(receiver);
    const [deferred] = await receiver.receiveDeferredMessages(sequenceNumber);
    if (!deferred) throw new Error("nothing deferred");
    expect(deferred).toMatchObject({ body: "d", state: "deferred", deliveryCount: 1 });
    await receiver.completeMessage(deferred);
    expect(await errorCode(receiver.receiveDeferredMessages(sequenceNumber))).toBe(
      "MessageNotFound",
    );
  });

  it("16 settling twice is refused", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages({ body: 1 });
    const message = await receive(receiver);
    await receiver.completeMessage(message);
    expect(await errorCode(receiver.completeMessage(message))).not.toBe("no error");
  });

  it("17 messages of a closed receiver are settled through $management", async () => {
    const { client, name, sender, receiver, deadLetters } = open("plain");
    await sender.sendMessages([1, 2, 3, 4].map((body) => ({ body })));
    const [a, b, c, d] = await receiver.receiveMessages(4, { maxWaitTimeInMs: 2_000 });
    if (!a || !b || !c || !d) throw new Error("four messages were expected");
    await receiver.close();
    const other = client.createReceiver(name);
    await other.completeMessage(a);
    await other.abandonMessage(b, { why: "later" });
    await other.deferMessage(c);
    await other.deadLetterMessage(d, {
      deadLetterReason: "bad",
      deadLetterErrorDescription: "very",
    });
    const again = await receive(other);
    expect(again).toMatchObject({
      body: 2,
      deliveryCount: 1,
      applicationProperties: { why: "later" },
    });
    expect((await other.peekMessages(5)).map((m) => [m.body, m.state])).toEqual([
      [2, "active"],
      [3, "deferred"],
    ]);
    expect(await receive(deadLetters)).toMatchObject({ body: 4, deadLetterReason: "bad" });
  });
});

describe("locks", () => {
  it("14 a renewed lock holds, and the message comes to nobody else", async () => {
    const { sender, receiver, client, name } = open("short");
    await sender.sendMessages({ body: 1 });
    const message = await receive(receiver);
    const other = client.createReceiver(name);
    for (let i = 0; i < 3; i++) {
      await sleep(500);
      const until = await receiver.renewMessageLock(message);
      expect(until.getTime()).toBeGreaterThan(Date.now() + 500);
    }
    await none(other);
    await receiver.completeMessage(message);
  });

  it("15 an expired lock gives the message back; completing late is MessageLockLost", async () => {
    const { sender, receiver, name } = open("short");
    await sender.sendMessages({ body: 1 });
    const message = await receive(receiver);
    const other = broker.client().createReceiver(name);
    const again = await receive(other);
    expect(again.deliveryCount).toBe(1);
    expect(await errorCode(receiver.completeMessage(message))).toBe("MessageLockLost");
    expect(await errorCode(receiver.renewMessageLock(message))).toBe("MessageLockLost");
    await other.completeMessage(again);
  });

  it("15b expired locks count towards maxDeliveryCount", async () => {
    const { sender, receiver, deadLetters } = open("two");
    await sender.sendMessages({ body: 1 });
    await receive(receiver);
    await receive(receiver);
    expect(await receive(deadLetters)).toMatchObject({
      deadLetterReason: "MaxDeliveryCountExceeded",
      deliveryCount: 2,
    });
  });

  it("22 automatic renewal keeps the message of a long handler", async () => {
    const { client, name, sender } = open("short");
    const receiver = client.createReceiver(name, { maxAutoLockRenewalDurationInMs: 30_000 });
    await sender.sendMessages({ body: 1 });
    let calls = 0;
    let finished = 0;
    const errors: string[] = [];
    const subscription = receiver.subscribe({
      processMessage: async () => {
        calls++;
        await sleep(3_000);
        finished++;
      },
      processError: async ({ error }) => {
        errors.push(error.message);
      },
    });
    await until(() => finished === 1);
    await sleep(200);
    await subscription.close();
    expect({ calls, errors }).toEqual({ calls: 1, errors: [] });
    expect(await receiver.peekMessages(1)).toEqual([]);
  });

  it("44 after a cut connection a locked message comes back when its lock ends", async () => {
    const { client, name, sender, receiver } = open("short");
    await sender.sendMessages({ body: 1 });
    await receive(receiver);
    cutConnection(client);
    const other = broker.client().createReceiver(name);
    expect(await receiveOne(other, 300)).toBeUndefined();
    expect((await receive(other)).deliveryCount).toBe(1);
  });

  it("45 subscribe reconnects by itself after a cut connection", async () => {
    const { name } = open("plain");
    const client = broker.client("root", "root-1", {
      retryOptions: { maxRetries: 3, retryDelayInMs: 200 },
    });
    const got: unknown[] = [];
    const subscription = client.createReceiver(name).subscribe({
      processMessage: async ({ body }) => {
        got.push(body);
      },
      processError: async () => {},
    });
    await sleep(300);
    cutConnection(client);
    await broker.client().createSender(name).sendMessages({ body: "after" });
    await until(() => got.length > 0);
    await subscription.close();
    expect(got).toEqual(["after"]);
  });
});

describe("time to live and duplicates", () => {
  it("27 an expired message is dead-lettered where the queue says so", async () => {
    const { sender, receiver, deadLetters } = open("expiring");
    await sender.sendMessages({ body: 1, timeToLive: 300 });
    await sleep(500);
    await none(receiver);
    expect((await receive(deadLetters)).deadLetterReason).toBe("TTLExpiredException");
  });

  it("27b a message that expires under a lock can still be completed, abandoned it is gone", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages([1, 2].map((body) => ({ body, timeToLive: 400 })));
    const [first, second] = await receiver.receiveMessages(2, { maxWaitTimeInMs: 1_000 });
    if (!first || !second) throw new Error("two messages were expected");
    await sleep(500);
    await receiver.completeMessage(first);
    await receiver.abandonMessage(second);
    await none(receiver);
    expect(await receiver.peekMessages(5)).toEqual([]);
  });

  it("28 the queue's default time to live is the ceiling", async () => {
    const { sender, receiver, deadLetters } = open("capped");
    await sender.sendMessages({ body: 1, timeToLive: 60_000 });
    await sleep(700);
    await none(receiver);
    await none(deadLetters);
  });

  it("28b a queue that is full refuses with QuotaExceeded until something is gone", async () => {
    const { sender, receiver } = open("small");
    const large = { body: Buffer.alloc(250_000) };
    for (let count = 0; count < 4; count++) await sender.sendMessages(large);
    expect(await errorCode(sender.sendMessages(large))).toBe("QuotaExceeded");
    await receiver.completeMessage(await receive(receiver));
    await sender.sendMessages(large);
  });

  it("29 duplicates within the window are dropped without a word, also inside a batch", async () => {
    const { sender, receiver } = open("dedup");
    await sender.sendMessages({ body: 1, messageId: "same" });
    await sender.sendMessages({ body: 2, messageId: "same" });
    await sender.sendMessages([
      { body: 3, messageId: "same" },
      { body: 4, messageId: "other" },
      { body: 5, messageId: "other" },
    ]);
    const messages = await receiver.receiveMessages(5, { maxWaitTimeInMs: 1_000 });
    expect(messages.map((m) => m.body)).toEqual([1, 4]);
    await sleep(1_200);
    await sender.sendMessages({ body: 6, messageId: "same" });
    expect((await receive(receiver)).body).toBe(6);
  });
});
