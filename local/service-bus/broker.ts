import { type Logger, pino } from "pino";
import type { Certificate } from "../certificate.ts";
import { adminApi } from "./admin/admin-api.ts";
import { createAmqpServer } from "./amqp/server.ts";
import {
  type BrokerConfigInput,
  parseConfig,
  parseQueue,
  type QueueInput,
  type QueueSettings,
} from "./config.ts";
import { listen } from "./listener.ts";
import { Queue } from "./queue/queue.ts";
import { Store } from "./store.ts";

export interface BrokerOptions {
  /** Where the messages live; made if missing, held by one broker at a time. */
  dataDirectory: string;
  config: BrokerConfigInput;
  /** 0 or absent: a free one. */
  port?: number;
  /** For AMQP over WebSockets, the administration and AMQP over TLS; absent: no TLS. */
  certificate?: Certificate | undefined;
  log?: Logger;
  /** Called when the store cannot be written any more; the broker has then stopped answering. */
  onFailure?: (error: unknown) => void;
}

export interface Broker {
  port: number;
  close(): Promise<void>;
}

const TICK_MS = 50;
const SWEEP_MS = 1_000;

/** Starts a Service Bus namespace on 127.0.0.1. Resolves when it accepts connections. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { policies, queues: settings } = parseConfig(options.config);
  const log = options.log ?? pino({ level: "silent" });
  const store = new Store(options.dataDirectory, (error) => {
    log.fatal({ err: error }, "store.failed");
    void close();
    options.onFailure?.(error);
  });
  const queues = new Map<string, Queue>();
  const open = (queue: QueueSettings) => {
    const opened = new Queue(queue, store);
    queues.set(queue.name.toLowerCase(), opened);
    return opened;
  };
  for (const queue of settings) open(queue);
  for (const description of store.queueDescriptions()) {
    const queue = parseQueue(JSON.parse(description));
    if (!queues.has(queue.name.toLowerCase())) open(queue); // The configuration comes first.
  }
  const queuesById = new Map([...queues.values()].map((queue) => [queue.id, queue]));
  for (const row of store.messages()) queuesById.get(row.queue)?.restore(row);
  for (const name of store.queueNames())
    if (!queues.has(name.toLowerCase()))
      log.warn({ queue: name }, "queue.unknown: its messages are kept but out of reach");
  /** Makes a queue while the broker runs; it is there after a restart, too. */
  const create = (description: QueueInput) => {
    const queue = open(parseQueue(description));
    store.write("describeQueue", JSON.stringify(description), queue.settings.name);
    // The messages of a queue of that name which an earlier configuration had.
    for (const row of store.messages()) if (row.queue === queue.id) queue.restore(row);
    log.info({ queue: queue.settings.name }, "queue.created");
    return new Promise<Queue>((resolve) => store.afterCommit(() => resolve(queue)));
  };
  const amqp = createAmqpServer({ policies, queues, store, log });
  const timers = [
    setInterval(() => {
      const now = Date.now();
      for (const queue of queues.values()) queue.tick(now);
    }, TICK_MS),
    setInterval(() => amqp.sweep(), SWEEP_MS),
  ];
  const stop = () => {
    for (const timer of timers) clearInterval(timer);
    store.close();
  };
  const protocols = { amqp: amqp.accept, http: adminApi(policies, queues, create) };
  const listener = await listen(options.port ?? 0, protocols, options.certificate).catch(
    (error: unknown) => {
      stop();
      throw error;
    },
  );
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      amqp.close();
      // rhea writes the close frames in the next turn.
      await new Promise(setImmediate);
      await listener.close();
      stop();
    })();
    return closing;
  };
  return { port: listener.port, close };
}
