import { isServiceBusError, ServiceBusClient, type ServiceBusReceiver } from "@azure/service-bus";
import { type WorkMessage, workMessageSchema } from "../shared/contracts/work.ts";
import { unlessAborted } from "./backoff.ts";

/**
 * A message that this agent holds under the queue's lock (renewed by the SDK for five minutes). Settle it once; when
 * settling fails the lock runs out and the message comes again, which claiming copes with.
 */
export interface QueuedWork {
  work: WorkMessage;
  complete(): Promise<void>;
  abandon(): Promise<void>;
}

/** The agent group's queue, under one credential. */
export interface WorkQueue {
  /** Waits at most `waitMs` for one message; undefined when none came. Aborting ends the wait and takes nothing that comes later. */
  receive(waitMs: number, signal: AbortSignal): Promise<QueuedWork | undefined>;
  /** Throws when the queue cannot be reached or refuses the credential. Takes no message. */
  probe(): Promise<void>;
  /** Ends the connection once every message that was received is settled. */
  close(): Promise<void>;
}

/** A link whose connection breaks meanwhile may never be closed. */
const LEAVE_WITHIN_MS = 2_000;

export type QueueTransport = "amqp" | "amqp-websockets";

/**
 * Work is received one message at a time, when a slot is free. `subscribe({ maxConcurrentCalls })` would be the usual way,
 * but in SDK 7.9.5 it grants its full credit anew with every link that it re-attaches (core/streamingReceiver.js), however
 * many handlers still run. Work here lasts for hours and links do not: the agent would lock messages that it has no slot
 * for and keep them from idle agents.
 */
export function openWorkQueue(
  connection: string,
  queue: string,
  transport: QueueTransport = "amqp",
): WorkQueue {
  const client = new ServiceBusClient(connection, {
    // The defaults keep a caller waiting for 90 s after a broker was restarted; the agent has its own back-off.
    retryOptions: { timeoutInMs: 10_000, retryDelayInMs: 500, maxRetries: 2 },
    ...(transport === "amqp-websockets" ? { webSocketOptions: { webSocket: WebSocket } } : {}),
  });
  // Settles what others have received: when their link is closed the SDK does it through $management.
  const settler = client.createReceiver(queue);
  let receiver: ServiceBusReceiver | undefined;
  /** Resolves when a link that is to take nothing any more is closed. */
  let left = Promise.resolve();
  const unsettled = new Set<Promise<void>>();

  /**
   * A wait that is aborted leaves its credit on the link (SDK 7.9.5, core/batchingReceiver.js drains it at its own end only): the
   * next message would come here, be seen by nobody, and stay locked. So the link is closed, and before that nothing is given back.
   */
  const leave = () => {
    const closing = Promise.all([left, receiver?.close().catch(() => undefined)]);
    receiver = undefined;
    left = unlessAborted(closing, AbortSignal.timeout(LEAVE_WITHIN_MS)).then(() => undefined);
  };

  return {
    async receive(waitMs, signal) {
      receiver ??= client.createReceiver(queue);
      signal.addEventListener("abort", leave, { once: true });
      const receiving = receiver
        .receiveMessages(1, { maxWaitTimeInMs: waitMs, abortSignal: signal })
        .finally(() => signal.removeEventListener("abort", leave));
      // Not left to the SDK alone: what it is asked while its connection breaks may never be answered.
      const [message] = (await unlessAborted(receiving, signal)) ?? [];
      if (message === undefined) {
        signal.throwIfAborted();
        return undefined;
      }
      const work = workMessageSchema.safeParse(message.body);
      if (!work.success) {
        await settler.deadLetterMessage(message, {
          deadLetterReason: "BadMessage",
          deadLetterErrorDescription: "the body is not a work message of version 1",
        });
        return undefined;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      unsettled.add(promise);
      const settle = async (settling: Promise<void>) => {
        try {
          await settling;
        } finally {
          unsettled.delete(promise);
          resolve();
        }
      };
      return {
        work: work.data,
        complete: () => settle(settler.completeMessage(message)),
        abandon: () => settle(left.then(() => settler.abandonMessage(message))),
      };
    },
    async probe() {
      await settler.peekMessages(1);
    },
    async close() {
      await Promise.all(unsettled);
      await client.close();
    },
  };
}

/** Whether the queue refused the credential, so that only a new one helps. */
export const isCredentialRefused = (error: unknown): boolean =>
  isServiceBusError(error) && error.code === "UnauthorizedAccess";
