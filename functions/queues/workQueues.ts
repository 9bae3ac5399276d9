import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DefaultAzureCredential, type TokenCredential } from "@azure/identity";
import {
  type CreateQueueOptions,
  isServiceBusError,
  parseServiceBusConnectionString,
  type ServiceBusClient,
  type ServiceBusSender,
} from "@azure/service-bus";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { WorkMessage } from "../../shared/contracts/work.ts";
import type { Config } from "../config.ts";
import { redacted } from "../security/redacted.ts";
import { namespaceOf, openServiceBus, openServiceBusAdministration } from "./serviceBus.ts";

const CLOSE_WITHIN_MS = 2_000;
/** Who only wants to be sure of a queue does not wait for a Service Bus that is away. */
const ENSURE_WITHIN_MS = 5_000;

/** How every queue is made; infra/README.md says the same to those who make one by hand. */
const QUEUE: CreateQueueOptions = {
  lockDuration: "PT1M",
  maxDeliveryCount: 10,
  requiresDuplicateDetection: true,
  duplicateDetectionHistoryTimeWindow: "PT10M",
};

/**
 * One queue per agent group hands out work. Competing consumers are the load balancer; the message says only which item and
 * which epoch, and its id is made of both, so that the queue's duplicate detection swallows a send that is repeated.
 *
 * A queue is made when it is first needed. What the process remembers of it is the sender's open link: it costs nothing to ask,
 * and Service Bus ends it together with the queue.
 */
export class WorkQueues {
  private readonly client: ServiceBusClient;
  private readonly senders = new Map<string, ServiceBusSender>();
  private readonly config: Config;
  private readonly credential: TokenCredential;

  /** `credential`: the app's own identity, for a Service Bus whose setting has no key. */
  constructor(config: Config, credential: TokenCredential = new DefaultAzureCredential()) {
    this.config = config;
    this.credential = credential;
    // The SDK's defaults leave a send hanging for 90 seconds after a broken connection.
    this.client = openServiceBus(config.SERVICE_BUS_CONNECTION, credential, {
      retryOptions: { timeoutInMs: 10_000, retryDelayInMs: 500, maxRetries: 5 },
    });
  }

  queueOf(group: string): string {
    return `${this.config.WORK_QUEUE_PREFIX}${group}`;
  }

  /**
   * Tells the agents of a group, at once or later. Throws QUEUE_MISSING when the group has no queue and the app cannot make it.
   */
  async send(group: string, message: WorkMessage, laterMs = 0): Promise<void> {
    await this.withQueue(group, (sender) =>
      sender.sendMessages({
        body: message,
        messageId: `${message.workItem}:${message.epoch}`,
        contentType: "application/json",
        ...(laterMs > 0 && { scheduledEnqueueTimeUtc: new Date(Date.now() + laterMs) }),
      }),
    );
  }

  /**
   * Makes the queue of a group unless it is there. Throws QUEUE_MISSING when the app cannot; says nothing when Service Bus does
   * not answer, because the first message makes the queue as well.
   */
  async ensure(group: string): Promise<void> {
    // Opens the link, if it is not open, and sends nothing: that needs no more than the Send claim.
    const opened = this.withQueue(group, (sender) => sender.createMessageBatch());
    await within(ENSURE_WITHIN_MS, opened).catch((error: unknown) => {
      if (error instanceof LongshoreError) throw error;
      console.warn(
        JSON.stringify({ event: "queue-unsure", group, message: redacted(String(error)) }),
      );
    });
  }

  private async withQueue(
    group: string,
    use: (sender: ServiceBusSender) => Promise<unknown>,
  ): Promise<void> {
    const queue = this.queueOf(group);
    const sender = this.senders.get(queue) ?? this.client.createSender(queue);
    this.senders.set(queue, sender);
    try {
      await use(sender);
    } catch (error) {
      if (!isServiceBusError(error) || error.code !== "MessagingEntityNotFound") throw error;
      await this.create(queue);
      await use(sender);
    }
  }

  private async create(queue: string): Promise<void> {
    try {
      const setting = this.config.SERVICE_BUS_CONNECTION;
      const admin = openServiceBusAdministration(setting, this.credential);
      await admin.createQueue(queue, { ...QUEUE, requestOptions: { timeout: 10_000 } });
    } catch (error) {
      const { statusCode, message } = error as { statusCode?: number; message: string };
      if (statusCode === 409) return; // Another process has made it, or is about to.
      const reason = statusCode === 401 ? mayNotManage(this.config) : message;
      const detail = `Service Bus has no queue ${queue}, and the app cannot make it: ${reason}`;
      throw new LongshoreError("QUEUE_MISSING", redacted(detail), { cause: error });
    }
    console.log(JSON.stringify({ event: "queue-created", queue }));
  }

  /** Nothing is under way that is not awaited elsewhere, so there is little to wait for. */
  async close(): Promise<void> {
    // SDK 7.9.5: while its connection breaks, close() may never be answered.
    await within(CLOSE_WITHIN_MS, this.client.close());
  }

  /** A connection string that lets an agent listen on its group's queue, and on nothing else, until `expires`. */
  listenConnection(group: string, expires: Date): string {
    const { endpoint, sharedAccessKeyName, sharedAccessKey } = parseServiceBusConnectionString(
      this.config.AGENT_SERVICE_BUS_CONNECTION,
    );
    if (!sharedAccessKeyName || !sharedAccessKey)
      throw new Error("AGENT_SERVICE_BUS_CONNECTION needs a SharedAccessKeyName and key");
    const resource = encodeURIComponent(
      `${endpoint.replace(/\/*$/, "/")}${this.queueOf(group)}`.toLowerCase(),
    );
    const expiry = Math.floor(expires.getTime() / 1000);
    const signature = createHmac("sha256", sharedAccessKey)
      .update(`${resource}\n${expiry}`)
      .digest("base64");
    const token = `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${encodeURIComponent(sharedAccessKeyName)}`;
    const emulator = /UseDevelopmentEmulator=true/i.test(this.config.AGENT_SERVICE_BUS_CONNECTION)
      ? ";UseDevelopmentEmulator=true"
      : "";
    return `Endpoint=${endpoint};SharedAccessSignature=${token}${emulator}`;
  }
}

const mayNotManage = ({ SERVICE_BUS_CONNECTION }: Config) =>
  namespaceOf(SERVICE_BUS_CONNECTION) === undefined
    ? "the policy of SERVICE_BUS_CONNECTION has no Manage claim"
    : "the app's identity has not the role Azure Service Bus Data Owner";

/** What the promise comes to, or nothing after the time; how it ends is then nobody's concern. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  promise.catch(() => undefined);
  const done = new AbortController();
  const time = sleep(ms, undefined, { signal: done.signal }).catch(() => undefined);
  return Promise.race([promise, time]).finally(() => done.abort());
}
