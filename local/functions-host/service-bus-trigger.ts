import {
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from "@azure/service-bus";
import type { AppFunction } from "./app-loader.ts";
import { expandSettings, type HostConfig, parseTimeSpan } from "./host-config.ts";
import type { InputData, Invoke } from "./invoker.ts";
import { type Log, logFailure } from "./logger.ts";
import type { RpcTypedData } from "./rpc-data.ts";

const CATEGORY = "Host.Triggers.ServiceBus";
const DEFAULT_MAX_CALLS = 16;
const DEFAULT_LOCK_RENEWAL = "00:05:00";

export interface ServiceBusTriggerOptions {
  functions: readonly AppFunction[];
  config: HostConfig;
  invoke: Invoke;
  extraInputs: (target: AppFunction) => InputData[];
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
  const clients = new Map<string, ServiceBusClient>();
  const clientOf = (connection: string): ServiceBusClient => {
    let client = clients.get(connection);
    if (!client) {
      client = new ServiceBusClient(connection);
      clients.set(connection, client);
    }
    return client;
  };
  const triggers = options.functions
    .filter(({ trigger }) => trigger.type === "serviceBusTrigger")
    .map((target) => ({ target, ...readBinding(target) }));
  let active = 0;
  const receivers: ServiceBusReceiver[] = [];
  const subscriptions: { close(): Promise<void> }[] = [];

  const { autoCompleteMessages = true, maxConcurrentCalls = DEFAULT_MAX_CALLS } =
    options.config.extensions?.serviceBus ?? {};
  const renewal = options.config.extensions?.serviceBus?.maxAutoLockRenewalDuration;

  function subscribe({ target, queue, connection }: (typeof triggers)[number]): void {
    const receiver = clientOf(connection).createReceiver(queue, {
      receiveMode: "peekLock",
      skipParsingBodyAsJson: true,
      maxAutoLockRenewalDurationInMs: parseTimeSpan(renewal ?? DEFAULT_LOCK_RENEWAL) ?? 0,
    });
    receivers.push(receiver);
    const handlers = {
      processMessage: async (message: ServiceBusReceivedMessage) => {
        active++;
        try {
          await process(target, receiver, message);
        } finally {
          active--;
        }
      },
      processError: async ({ error, errorSource }: { error: Error; errorSource: string }) =>
        options.log({
          level: "warning",
          category: CATEGORY,
          function: target.name,
          message: `queue '${queue}': ${errorSource} failed: ${error.message}`,
        }),
    };
    subscriptions.push(
      receiver.subscribe(handlers, { maxConcurrentCalls, autoCompleteMessages: false }),
    );
  }

  async function process(
    target: AppFunction,
    receiver: ServiceBusReceiver,
    message: ServiceBusReceivedMessage,
  ): Promise<void> {
    const inputData = [
      { name: target.trigger.bindingName, data: bodyOf(message) },
      ...options.extraInputs(target),
    ];
    try {
      await options.invoke(target, { inputData, triggerMetadata: metadataOf(message) });
    } catch (error) {
      logFailure(options.log, target.name, error);
      await receiver.abandonMessage(message);
      return;
    }
    if (autoCompleteMessages) await receiver.completeMessage(message);
  }

  return {
    start: () => {
      for (const trigger of triggers) subscribe(trigger);
    },
    stop: async () => {
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    },
    close: async () => {
      await Promise.all(receivers.map((receiver) => receiver.close()));
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
    active: () => active,
  };
}

/** Checks a binding; what this host cannot do is an error at start, not a trigger that stays silent. */
function readBinding({ name, trigger }: AppFunction): { queue: string; connection: string } {
  const { queueName, connection, isSessionsEnabled, cardinality } = trigger.binding;
  if (typeof queueName !== "string") {
    throw new Error(`function ${name}: only Service Bus queues are supported, set queueName`);
  }
  if (isSessionsEnabled === true || cardinality === "many") {
    throw new Error(`function ${name}: Service Bus sessions and batches are not supported`);
  }
  const setting = typeof connection === "string" && connection !== "" ? connection : "ServiceBus";
  const value = process.env[setting] ?? process.env[`AzureWebJobs${setting}`];
  if (!value) {
    throw new Error(
      `function ${name}: the setting ${setting} must be a Service Bus connection string`,
    );
  }
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
  const values: Record<string, RpcTypedData> = {
    DeliveryCount: { int: (message.deliveryCount ?? 0) + 1 },
    ApplicationProperties: { json: JSON.stringify(message.applicationProperties ?? {}) },
  };
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
  for (const [name, value] of Object.entries(texts)) {
    if (value !== undefined) values[name] = { string: String(value) };
  }
  return values;
}
