import { type Logger, pino } from "pino";
import type { Certificate } from "../certificate.ts";
import { adminApi } from "./admin/admin-api.ts";
import { createAmqpServer } from "./amqp/server.ts";
import { type BrokerConfigInput, parseConfig } from "./config.ts";
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
  const queues = new Map(
    settings.map((queue) => [queue.name.toLowerCase(), new Queue(queue, store)]),
  );
  const queuesById = new Map([...queues.values()].map((queue) => [queue.id, queue]));
  for (const row of store.messages()) queuesById.get(row.queue)?.restore(row);
  for (const name of store.queueNames())
    if (!queues.has(name.toLowerCase()))
      log.warn({ queue: name }, "queue.not-configured: its messages are kept but out of reach");
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
  const protocols = { amqp: amqp.accept, http: adminApi(policies, queues) };
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
