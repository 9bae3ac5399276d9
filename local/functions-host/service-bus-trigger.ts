import {
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from "@azure/service-bus";
import type { AppFunction } from "./app-loader.ts";
import { expandSettings, type HostConfig, parseTimeSpan } from "./host-config.ts";
import type { Invoke } from "./invoker.ts";
import { type Log, logFailure } from "./logger.ts";
import type { RpcTypedData } from "./rpc-data.ts";

const CATEGORY = "Host.Triggers.ServiceBus";
const DEFAULT_MAX_CALLS = 16;
const DEFAULT_LOCK_RENEWAL = "00:05:00";
/** By default the client waits half a minute before it looks whether Service Bus is back; that of .NET, which triggers on Azure use, about one second. */
const RETRY = { timeoutInMs: 10_000, retryDelayInMs: 1_000 };

export interface ServiceBusTriggerOptions {
  functions: readonly AppFunction[];
  config: HostConfig;
  invoke: Invoke;
  log: Log;
}

export interface ServiceBusTriggers {
  start(): void;
  /** No new messages; those in a function are still settled. */
  stop(): Promise<void>;
  close(): Promise<void>;
  active(): number;
}

/**
 * Queue triggers over the real client: peek-lock, complete when the function returns, abandon when
 * it throws. The function's retry policy does not apply: the queue's delivery count does.
 */
export function createServiceBusTriggers(options: ServiceBusTriggerOptions): ServiceBusTriggers {
  const { invoke, log } = options;
  const settings = options.config.extensions?.serviceBus ?? {};
  const { autoCompleteMessages = true, maxConcurrentCalls = DEFAULT_MAX_CALLS } = settings;
  const renewal = parseTimeSpan(settings.maxAutoLockRenewalDuration ?? DEFAULT_LOCK_RENEWAL);
  const triggers = options.functions
    .filter(({ trigger }) => trigger.type === "serviceBusTrigger")
    .map((target) => ({ target, ...readBinding(target) }));
  const clients: ServiceBusClient[] = [];
  const subscriptions: { close(): Promise<void> }[] = [];
  let active = 0;

  function subscribe({ target, queue, connection }: (typeof triggers)[number]): void {
    const client = new ServiceBusClient(connection, { retryOptions: RETRY });
    clients.push(client);
    const receiver = client.createReceiver(queue, {
      receiveMode: "peekLock",
      skipParsingBodyAsJson: true,
      maxAutoLockRenewalDurationInMs: renewal ?? 0,
    });
    const subscription = receiver.subscribe(
      {
        processMessage: async (message) => {
          active++;
          await process(target, receiver, message).finally(() => active--);
        },
        processError: async ({ error, errorSource }) =>
          log(
            "warning",
            CATEGORY,
            `queue '${queue}': ${errorSource} failed: ${error.message}`,
            target.name,
          ),
      },
      { maxConcurrentCalls, autoCompleteMessages: false },
    );
    subscriptions.push(subscription);
  }

  async function process(
    target: AppFunction,
    receiver: ServiceBusReceiver,
    message: ServiceBusReceivedMessage,
  ): Promise<void> {
    try {
      await invoke(target, bodyOf(message), { triggerMetadata: metadataOf(message) });
    } catch (error) {
      logFailure(log, target.name, error);
      await receiver.abandonMessage(message);
      return;
    }
    // The function's own setting wins over that of host.json.
    const complete = target.trigger.binding.autoCompleteMessages ?? autoCompleteMessages;
    if (complete) await receiver.completeMessage(message);
  }

  const closeAll = async (items: { close(): Promise<void> }[]) => {
    await Promise.all(items.map((item) => item.close()));
  };
  return {
    start: () => {
      for (const trigger of triggers) subscribe(trigger);
    },
    stop: () => closeAll(subscriptions),
    close: () => closeAll(clients),
    active: () => active,
  };
}

/** Checks a binding; what this host cannot do is an error at start, not a trigger that stays silent. */
function readBinding({ name, trigger }: AppFunction): { queue: string; connection: string } {
  const { queueName, connection, isSessionsEnabled, cardinality } = trigger.binding;
  if (typeof queueName !== "string" || isSessionsEnabled === true || cardinality === "many") {
    throw new Error(`function ${name}: only queueName is supported, no topics, sessions, batches`);
  }
  const setting = typeof connection === "string" && connection !== "" ? connection : "ServiceBus";
  const value = process.env[setting] ?? process.env[`AzureWebJobs${setting}`];
  if (!value)
    throw new Error(`function ${name}: set ${setting} to a Service Bus connection string`);
  return { queue: expandSettings(queueName), connection: value };
}

/** Text goes to the worker as text (it parses JSON itself), anything else as bytes. */
function bodyOf({ body }: ServiceBusReceivedMessage): RpcTypedData {
  if (typeof body === "string") return { string: body };
  if (!Buffer.isBuffer(body)) return { json: JSON.stringify(body ?? null) };
  const text = body.toString("utf8");
  return Buffer.from(text, "utf8").equals(body) ? { string: text } : { bytes: body };
}

/** Names as in MS docs: functions-bindings-service-bus-trigger, "Message metadata". */
function metadataOf(message: ServiceBusReceivedMessage): Record<string, RpcTypedData> {
  const texts = {
    MessageId: message.messageId,
    EnqueuedTimeUtc: message.enqueuedTimeUtc?.toISOString(),
    ExpiresAtUtc: message.expiresAtUtc?.toISOString(),
    SequenceNumber: message.sequenceNumber?.toString(),
    LockToken: message.lockToken,
    CorrelationId: message.correlationId,
    Subject: message.subject,
    ContentType: message.contentType,
    ReplyTo: message.replyTo,
    To: message.to,
  };
  const known = Object.entries(texts).filter(([, value]) => value !== undefined);
  return {
    DeliveryCount: { int: (message.deliveryCount ?? 0) + 1 },
    ApplicationProperties: { json: JSON.stringify(message.applicationProperties ?? {}) },
    ...Object.fromEntries(known.map(([name, value]) => [name, { string: String(value) }])),
  };
}
