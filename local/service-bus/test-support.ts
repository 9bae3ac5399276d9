// What the tests of the broker share: a broker on a free port, real SDK clients, and small shorthands.
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  isServiceBusError,
  ServiceBusClient,
  type ServiceBusClientOptions,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from "@azure/service-bus";
import type { Certificate } from "../certificate.ts";
import { type Broker, startBroker } from "./broker.ts";
import type { BrokerConfigInput } from "./config.ts";

export type QueueOptions = Omit<BrokerConfigInput["queues"][number], "name">;

export const POLICIES: BrokerConfigInput["policies"] = [
  { name: "root", primaryKey: "root-1", secondaryKey: "root-2", rights: ["Manage"] },
  { name: "sender", primaryKey: "send-1", rights: ["Send"] },
  { name: "listener", primaryKey: "listen-1", rights: ["Listen"] },
  { name: "only-a", primaryKey: "a-1", rights: ["Send", "Listen"], entity: "a" },
];

export interface TestBroker extends Broker {
  endpoint: string;
  /** A client that does not retry, so that errors show. */
  client(policy?: string, key?: string, options?: ServiceBusClientOptions): ServiceBusClient;
  clientWithSas(token: string, host?: string): ServiceBusClient;
  /** Closes the clients and the broker and removes its data. */
  dispose(): Promise<void>;
}

export const temporaryDirectory = () => mkdtempSync(join(tmpdir(), "service-bus-"));

export const NO_RETRY: ServiceBusClientOptions = {
  retryOptions: { maxRetries: 0, timeoutInMs: 5_000 },
};

export const keyConnectionString = (port: number, policy = "root", key = "root-1") =>
  `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=${policy};SharedAccessKey=${key};UseDevelopmentEmulator=true`;

/** Starts a broker in this process with the given queues. */
export async function startTestBroker(
  queues: Record<string, QueueOptions>,
  certificate?: Certificate,
): Promise<TestBroker> {
  const dataDirectory = temporaryDirectory();
  const config = {
    policies: POLICIES,
    queues: Object.entries(queues).map(([name, options]) => ({ name, ...options })),
  };
  const broker = await startBroker({ dataDirectory, config, certificate });
  const clients: ServiceBusClient[] = [];
  const keep = (client: ServiceBusClient) => {
    clients.push(client);
    return client;
  };
  return {
    ...broker,
    endpoint: `sb://127.0.0.1:${broker.port}/`,
    client: (policy, key, options) =>
      keep(
        new ServiceBusClient(keyConnectionString(broker.port, policy, key), {
          ...NO_RETRY,
          ...options,
        }),
      ),
    clientWithSas: (token, host = "127.0.0.1") =>
      keep(
        new ServiceBusClient(
          `Endpoint=sb://${host}:${broker.port};SharedAccessSignature=${token};UseDevelopmentEmulator=true`,
          NO_RETRY,
        ),
      ),
    async dispose() {
      await Promise.all(clients.map((client) => client.close()));
      await broker.close();
      rmSync(dataDirectory, { recursive: true });
    },
  };
}

/** A shared access signature as a token maker outside of the SDK writes it. `expires` in seconds from now. */
export function signSas(resource: string, policy: string, key: string, expires: number): string {
  const sr = encodeURIComponent(resource);
  const se = Math.floor(Date.now() / 1_000) + expires;
  const sig = encodeURIComponent(createHmac("sha256", key).update(`${sr}\n${se}`).digest("base64"));
  return `SharedAccessSignature sr=${sr}&sig=${sig}&se=${se}&skn=${policy}`;
}

export const sleep = (milliseconds: number) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until the condition holds; fails after `limit` milliseconds. */
export async function until(condition: () => boolean, limit = 8_000): Promise<void> {
  for (const end = Date.now() + limit; !condition(); await sleep(20))
    if (Date.now() > end) throw new Error("the condition did not come true in time");
}

/** The next message, or undefined if none came within the wait. */
export async function receiveOne(
  receiver: ServiceBusReceiver,
  maxWaitTimeInMs = 3_000,
): Promise<ServiceBusReceivedMessage | undefined> {
  return (await receiver.receiveMessages(1, { maxWaitTimeInMs }))[0];
}

/** The next message; fails if none came. */
export async function receive(receiver: ServiceBusReceiver): Promise<ServiceBusReceivedMessage> {
  const message = await receiveOne(receiver, 5_000);
  if (!message) throw new Error("no message came");
  return message;
}

/** The code of the SDK error that the promise rejects with. */
export async function errorCode(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isServiceBusError(error) ? error.code : `${error}`;
  }
  return "no error";
}
