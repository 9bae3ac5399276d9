import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type CreateQueueOptions,
  ServiceBusAdministrationClient,
  ServiceBusClient,
} from "@azure/service-bus";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, openCertificate } from "../certificate.ts";
import {
  errorCode,
  keyConnectionString,
  NO_RETRY,
  POLICIES,
  receive,
  temporaryDirectory,
} from "./test-support.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;
const directory = temporaryDirectory();
const config = join(directory, "config.json");
let certificate: Certificate;
let broker: ChildProcess;
let port: number;

async function start(queues: object[]): Promise<void> {
  writeFileSync(config, JSON.stringify({ policies: POLICIES, queues }));
  const args = [MAIN, "--data", directory, "--config", config, "--tls", directory];
  broker = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(broker.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  ({ port } = JSON.parse(line.toString()) as { port: number });
}
async function kill(): Promise<void> {
  const gone = once(broker, "exit");
  broker.kill("SIGKILL");
  await gone;
}

beforeAll(async () => {
  certificate = await openCertificate(directory);
  await start([{ name: "configured" }]);
});
afterAll(async () => {
  await kill();
  rmSync(directory, { recursive: true });
});

const admin = (policy = "root", key = "root-1") =>
  new ServiceBusAdministrationClient(keyConnectionString(port, policy, key), {
    tlsOptions: { ca: certificate.cert },
    retryOptions: { maxRetries: 0 },
  });
async function withClient<T>(use: (client: ServiceBusClient) => Promise<T>): Promise<T> {
  const client = new ServiceBusClient(keyConnectionString(port), NO_RETRY);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
const OPTIONS: CreateQueueOptions = {
  lockDuration: "PT1M30S",
  maxDeliveryCount: 7,
  requiresDuplicateDetection: true,
  duplicateDetectionHistoryTimeWindow: "PT5M",
};

describe("a queue that is made at run time", () => {
  it("has the settings that were asked for, the service's defaults, and takes messages at once", async () => {
    expect(await admin().createQueue("work-paris", OPTIONS)).toMatchObject({
      ...OPTIONS,
      name: "work-paris",
      maxSizeInMegabytes: 1_024,
      requiresSession: false,
      status: "Active",
    });
    expect(await admin().createQueue("agents/plain")).toMatchObject({
      name: "agents/plain",
      lockDuration: "PT1M",
      maxDeliveryCount: 10,
      requiresDuplicateDetection: false,
    });
    expect(await admin().queueExists("WORK-Paris")).toBe(true);
    await withClient(async (client) => {
      const sender = client.createSender("work-paris");
      for (const body of [1, 2]) await sender.sendMessages({ body, messageId: "same" });
      expect((await client.createReceiver("work-paris").peekMessages(5)).length).toBe(1);
    });
  });

  it("serves a sender that found no queue before", async () => {
    await withClient(async (client) => {
      const sender = client.createSender("work-late");
      expect(await errorCode(sender.createMessageBatch())).toBe("MessagingEntityNotFound");
      await admin().createQueue("work-late");
      await sender.sendMessages({ body: "late" });
      expect((await receive(client.createReceiver("work-late"))).body).toBe("late");
    });
  });

  it("is made once, whoever else wants it at the same time", async () => {
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => admin().createQueue("once")));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const exists = { statusCode: 409, code: "MessageEntityAlreadyExistsError" };
    for (const result of results)
      if (result.status === "rejected") expect(result.reason).toMatchObject(exists);
    for (const name of ["ONCE", "configured"])
      await expect(admin().createQueue(name)).rejects.toMatchObject(exists);
  });

  it("needs the Manage claim", async () => {
    const refusal = { statusCode: 401, code: "UnauthorizedRequestError" };
    for (const [policy, key] of [
      ["sender", "send-1"],
      ["root", "wrong"],
    ])
      await expect(admin(policy, key).createQueue("nobodys")).rejects.toMatchObject(refusal);
    expect(await admin().queueExists("nobodys")).toBe(false);
  });

  it.each<[string, CreateQueueOptions, string]>([
    ["long-lock", { lockDuration: "PT6M" }, "at most PT5M"],
    ["no-duration", { lockDuration: "a minute" }, "not a positive ISO 8601 duration"],
    ["no-delivery", { maxDeliveryCount: 0 }, "maxDeliveryCount"],
    ["long-window", { duplicateDetectionHistoryTimeWindow: "P8D" }, "at most P7D"],
    ["sessions", { requiresSession: true }, "RequiresSession"],
    ["forwarding", { forwardTo: "configured" }, "ForwardTo"],
    ["-hyphen", {}, "a queue name is"],
  ])("is refused when its description is not valid: %s", async (name, options, problem) => {
    await expect(admin().createQueue(name, options)).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining(problem),
    });
    expect(await admin().queueExists(name)).toBe(false);
  });

  it("survives kill -9 with its settings, its messages and its duplicate window", async () => {
    await kill();
    await start([{ name: "configured" }]);
    expect(await admin().getQueue("work-paris")).toMatchObject(OPTIONS);
    const names = [];
    for await (const { name } of admin().listQueues()) names.push(name);
    expect(names).toEqual(["configured", "work-paris", "agents/plain", "work-late", "once"]);
    await withClient(async (client) => {
      await client.createSender("work-paris").sendMessages({ body: 3, messageId: "same" });
      const receiver = client.createReceiver("work-paris", { receiveMode: "receiveAndDelete" });
      const bodies = (await receiver.receiveMessages(5, { maxWaitTimeInMs: 500 })).map(
        ({ body }) => body,
      );
      expect(bodies).toEqual([1]);
    });
  });

  it("finds the messages of a queue that the configuration has no more, also of an older data folder", async () => {
    await withClient((client) => client.createSender("configured").sendMessages({ body: "kept" }));
    await kill();
    const db = new DatabaseSync(join(directory, "service-bus.db"));
    db.exec("ALTER TABLE queue DROP COLUMN description; PRAGMA user_version = 1");
    db.close();
    await start([]);
    expect(await admin().queueExists("configured")).toBe(false);
    await admin().createQueue("configured");
    await withClient(async (client) => {
      expect((await receive(client.createReceiver("configured"))).body).toBe("kept");
    });
  });

  it("is what the configuration says of a queue of its name", async () => {
    await kill();
    await start([{ name: "Configured", maxDeliveryCount: 3 }]);
    expect(await admin().getQueue("configured")).toMatchObject({ maxDeliveryCount: 3 });
  });
});
