import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { choosePorts } from "../supervisor/ports.ts";
import {
  keyConnectionString,
  NO_RETRY,
  POLICIES,
  receive,
  receiveOne,
  sleep,
  temporaryDirectory,
} from "./test-support.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;
const QUEUES = [
  { name: "plain" },
  { name: "dedup", requiresDuplicateDetection: true, maxDeliveryCount: 100, lockDuration: "PT5S" },
  { name: "backlog" },
];
const directory = temporaryDirectory();
const config = join(directory, "config.json");
let broker: ChildProcess;
let port = 0;

/**
 * Starts the broker as a process, always on the same directory and port. A port of the range from which the system takes those of
 * outgoing connections would be lost to one of them while the broker is away.
 */
async function start(): Promise<void> {
  const ports = await choosePorts(join(directory, "ports.json"), ["broker"], {
    pinned: ["broker"],
  });
  port = ports.broker;
  const args = ["--data", directory, "--config", config, "--port", `${port}`];
  const options = { env: { ...process.env, LOG_LEVEL: "error" } };
  const started = spawn(process.execPath, [MAIN, ...args], {
    ...options,
    stdio: ["ignore", "pipe", "inherit"],
  });
  broker = started;
  const ended = once(started, "exit").then(([code]) => Promise.reject(new Error(`exit ${code}`)));
  ended.catch(() => undefined);
  const [line] = (await Promise.race([once(started.stdout, "data"), ended])) as [Buffer];
  expect(JSON.parse(line.toString())).toEqual({ ready: true, port, pid: started.pid });
}

async function stop(signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(broker, "exit");
  broker.kill(signal);
  return (await exited)[0] as number | null;
}

async function restart(): Promise<void> {
  await stop("SIGKILL");
  await start();
}

async function withClient(work: (client: ServiceBusClient) => Promise<void>): Promise<void> {
  const client = new ServiceBusClient(keyConnectionString(port), NO_RETRY);
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

beforeAll(async () => {
  writeFileSync(config, JSON.stringify({ policies: POLICIES, queues: QUEUES }));
  await start();
});
afterAll(async () => {
  if (broker.exitCode === null) await stop("SIGKILL");
  rmSync(directory, { recursive: true });
});

describe("what survives kill -9", () => {
  it("53, 54, 56 messages, counts, the duplicate window, dead-lettered, deferred and scheduled ones", async () => {
    const numbers: Record<
      string,
      NonNullable<Awaited<ReturnType<typeof receive>>["sequenceNumber"]>
    > = {};
    await withClient(async (client) => {
      const sender = client.createSender("dedup");
      const receiver = client.createReceiver("dedup");
      const ids = ["completed", "abandoned", "dead", "deferred", "locked"];
      await sender.sendMessages(
        ids.map((messageId) => ({
          messageId,
          body: messageId,
          timeToLive: 600_000,
          applicationProperties: { n: 1 },
        })),
      );
      const messages = await receiver.receiveMessages(5, { maxWaitTimeInMs: 2_000 });
      const [completed, abandoned, dead, deferred] = messages;
      if (!completed || !abandoned || !dead || !deferred?.sequenceNumber)
        throw new Error("missing");
      numbers.deferred = deferred.sequenceNumber;
      await receiver.completeMessage(completed);
      await receiver.abandonMessage(abandoned, { n: 2 });
      await receiver.deferMessage(deferred);
      await receiver.deadLetterMessage(dead, {
        deadLetterReason: "bad",
        deadLetterErrorDescription: "very",
      });
      await sender.scheduleMessages({ body: "scheduled" }, new Date(Date.now() + 2_500));
    });
    await restart();
    await withClient(async (client) => {
      const sender = client.createSender("dedup");
      const receiver = client.createReceiver("dedup");
      await sender.sendMessages({ messageId: "completed", body: "again" });
      const [first, second] = await receiver.receiveMessages(2, { maxWaitTimeInMs: 1_000 });
      expect(first).toMatchObject({
        body: "abandoned",
        deliveryCount: 1,
        timeToLive: 600_000,
        applicationProperties: { n: 2 },
      });
      // The lock was in memory only: the message is free again and the delivery was not counted.
      expect(second).toMatchObject({ body: "locked", deliveryCount: 0 });
      const [deferred] = await receiver.receiveDeferredMessages([numbers.deferred as never]);
      expect(deferred).toMatchObject({ body: "deferred", deliveryCount: 1 });
      const dead = await receive(client.createReceiver("dedup", { subQueueType: "deadLetter" }));
      expect(dead).toMatchObject({ body: "dead", deadLetterReason: "bad" });
      const scheduled = await receive(receiver);
      expect(scheduled.body).toBe("scheduled");
      expect(scheduled.sequenceNumber?.gt(numbers.deferred as never)).toBe(true);
    });
  });

  it("51 no acknowledged send is lost and no acknowledged complete returns, killed under load", async () => {
    const options = { retryOptions: { maxRetries: 8, retryDelayInMs: 100, timeoutInMs: 900 } };
    const open = () => new ServiceBusClient(keyConnectionString(port), options);
    const [out, back] = [open(), open()];
    const sent = new Set<string>();
    const seen = new Set<string>();
    const completed = new Set<string>();
    let returned = 0;
    let sending = true;
    let working = true;
    let next = 0;
    const send = async () => {
      const sender = out.createSender("dedup");
      while (sending) {
        const messageId = `m${next++}`;
        // A send that fails may or may not have arrived: only acknowledged ones are counted on.
        await sender.sendMessages({ messageId, body: messageId }).then(
          () => sent.add(messageId),
          () => sleep(50),
        );
        await sleep(2);
      }
    };
    const work = async () => {
      const receiver = back.createReceiver("dedup", { maxAutoLockRenewalDurationInMs: 0 });
      while (working) {
        const messages = await receiver
          .receiveMessages(20, { maxWaitTimeInMs: 400 })
          .catch(() => sleep(50).then(() => []));
        for (const { messageId } of messages) {
          if (completed.has(`${messageId}`)) returned++;
          seen.add(`${messageId}`);
        }
        await Promise.all(
          messages.map((message) =>
            receiver.completeMessage(message).then(
              () => completed.add(`${message.messageId}`),
              () => {},
            ),
          ),
        );
      }
    };
    const senders = Promise.all([send(), send()]);
    const workers = Promise.all([work(), work()]);
    for (let kills = 0; kills < 4; kills++) {
      await sleep(900);
      await restart();
    }
    await sleep(500);
    sending = false;
    await senders;
    const missing = () => [...sent].filter((id) => !seen.has(id));
    for (const end = Date.now() + 15_000; missing().length > 0 && Date.now() < end; )
      await sleep(50);
    expect(missing()).toEqual([]);
    working = false;
    await workers;
    await Promise.all([out.close(), back.close()]);
    expect(sent.size).toBeGreaterThan(20);
    expect(returned).toBe(0);
  }, 60_000);

  it("52 a backlog is there again soon after a restart, in its order", async () => {
    const total = 20_000;
    await withClient(async (client) => {
      const sender = client.createSender("backlog");
      let batch = await sender.createMessageBatch();
      for (let body = 0; body < total; body++)
        if (!batch.tryAddMessage({ body })) {
          await sender.sendMessages(batch);
          batch = await sender.createMessageBatch();
          batch.tryAddMessage({ body });
        }
      await sender.sendMessages(batch);
    });
    await restart();
    await withClient(async (client) => {
      const receiver = client.createReceiver("backlog", { receiveMode: "receiveAndDelete" });
      const bodies: number[] = [];
      while (bodies.length < total) {
        const messages = await receiver.receiveMessages(1_000, { maxWaitTimeInMs: 2_000 });
        if (messages.length === 0) break;
        for (const { body } of messages) bodies.push(body);
      }
      expect(bodies).toEqual([...Array(total).keys()]);
    });
  });
});

describe("the process", () => {
  it("refuses a data directory that another broker holds", async () => {
    const args = [MAIN, "--data", directory, "--config", config];
    const second = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const exited = once(second, "exit");
    const [out, log] = await Promise.all([text(second.stdout), text(second.stderr)]);
    expect((await exited)[0]).toBe(1);
    expect(out).toBe("");
    expect(log).toContain(`${directory} is in use by another Service Bus broker`);
  });

  it("ends with 0 on SIGTERM, with clients connected, and keeps what it has", async () => {
    const client = new ServiceBusClient(keyConnectionString(port), NO_RETRY);
    const receiver = client.createReceiver("plain");
    const waiting = receiveOne(receiver, 10_000).catch(() => undefined);
    await client.createSender("plain").sendMessages({ messageId: "kept", body: 1 });
    await waiting;
    expect(await stop("SIGTERM")).toBe(0);
    await client.close();
    await start();
    await withClient(async (other) => {
      expect((await receive(other.createReceiver("plain"))).messageId).toBe("kept");
    });
  });

  it("says what is wrong with a configuration and ends with 1", async () => {
    const wrong = join(directory, "wrong.json");
    writeFileSync(
      wrong,
      JSON.stringify({ policies: POLICIES, queues: [{ name: "q", lockDuration: "1m" }] }),
    );
    const child = spawn(process.execPath, [MAIN, "--data", directory, "--config", wrong], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const exited = once(child, "exit");
    expect(await text(child.stderr)).toContain("queues[0].lockDuration");
    expect((await exited)[0]).toBe(1);
  });

  it("58 broker and SDK share a process: their copies of rhea do not meet", async () => {
    const { default: sdkRhea } = (await import("rhea" as string)) as { default: object };
    const { default: brokerRhea } = await import("rhea-server");
    expect(sdkRhea).not.toBe(brokerRhea);
  });
});
