import { createHmac } from "node:crypto";
import { parseServiceBusConnectionString, ServiceBusClient } from "@azure/service-bus";
import type { WorkMessage } from "../../shared/contracts/work.ts";
import type { Config } from "../config.ts";

/**
 * One queue per agent group hands out work. Competing consumers are the load balancer; the message says only which item and
 * which epoch, and its id is made of both, so that the queue's duplicate detection swallows a send that is repeated.
 */
export class WorkQueues {
  private readonly client: ServiceBusClient;
  private readonly senders = new Map<string, ReturnType<ServiceBusClient["createSender"]>>();
  private readonly config: Config;

  constructor(config: Config) {
    this.config = config;
    // The SDK's defaults leave a send hanging for 90 seconds after a broken connection.
    this.client = new ServiceBusClient(config.SERVICE_BUS_CONNECTION, {
      retryOptions: { timeoutInMs: 10_000, retryDelayInMs: 500, maxRetries: 5 },
    });
  }

  queueOf(group: string): string {
    return `${this.config.WORK_QUEUE_PREFIX}${group}`;
  }

  async send(group: string, message: WorkMessage): Promise<void> {
    const queue = this.queueOf(group);
    let sender = this.senders.get(queue);
    if (!sender) {
      sender = this.client.createSender(queue);
      this.senders.set(queue, sender);
    }
    await sender.sendMessages({
      body: message,
      messageId: `${message.workItem}:${message.epoch}`,
      contentType: "application/json",
    });
  }

  async close(): Promise<void> {
    await this.client.close();
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
