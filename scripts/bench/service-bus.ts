// Throughput of the local Service Bus with the real SDK: the broker is a process of its own, the client is this one.
// Prints one row per case; CPU seconds of both tell more than the wall clock, since they share the machine.
// Usage: node scripts/bench/service-bus.ts [messages]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from "@azure/service-bus";

const MESSAGES = Number(process.argv[2] ?? 10_000);
const BODY = Buffer.alloc(500, "x");
const CLOCK_TICKS = 100;

const directory = mkdtempSync(join(tmpdir(), "service-bus-bench-"));
const config = join(directory, "config.json");
writeFileSync(
  config,
  JSON.stringify({
    policies: [{ name: "root", primaryKey: "key", rights: ["Manage"] }],
    queues: [{ name: "perf", lockDuration: "PT5M" }],
  }),
);
const main = new URL("../../local/service-bus/main.ts", import.meta.url).pathname;
const entry = existsSync(main) ? main : main.replace(/\.ts$/, ".js");
const broker = spawn(
  process.execPath,
  [entry, "--data", join(directory, "data"), "--config", config],
  { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, LOG_LEVEL: "error" } },
);
const [line] = (await once(broker.stdout, "data")) as [Buffer];
const { port } = JSON.parse(line.toString()) as { port: number };
const connectionString = `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=root;SharedAccessKey=key;UseDevelopmentEmulator=true`;
const client = new ServiceBusClient(connectionString);
const sender = client.createSender("perf");

/** CPU seconds of the broker so far, where the system tells (Linux). */
function brokerCpu(): number {
  try {
    const fields =
      readFileSync(`/proc/${broker.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
  } catch {
    return Number.NaN;
  }
}

/** The clock stops when `work` says it is finished: receivers that wait for nothing more are not counted. */
async function measure(
  name: string,
  count: number,
  work: (finished: () => void) => Promise<unknown>,
): Promise<void> {
  const before = { broker: brokerCpu(), client: process.cpuUsage(), time: performance.now() };
  let end = 0;
  const finished = () => {
    end ||= performance.now();
  };
  await work(finished);
  finished();
  const seconds = (end - before.time) / 1_000;
  const { user, system } = process.cpuUsage(before.client);
  console.log(
    name.padEnd(46),
    `${Math.round(count / seconds)} msg/s`.padStart(14),
    `broker ${(brokerCpu() - before.broker).toFixed(2)} s CPU`.padStart(20),
    `client ${((user + system) / 1e6).toFixed(2)} s CPU`.padStart(20),
  );
}

/** Runs `lanes` workers that share `count` turns. */
async function inLanes(lanes: number, count: number, turn: () => Promise<unknown>): Promise<void> {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await turn();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function sendBatches(count: number): Promise<void> {
  let batch = await sender.createMessageBatch();
  for (let i = 0; i < count; i++)
    if (!batch.tryAddMessage({ body: BODY })) {
      await sender.sendMessages(batch);
      batch = await sender.createMessageBatch();
      batch.tryAddMessage({ body: BODY });
    }
  await sender.sendMessages(batch);
}

const sendOne = () => sender.sendMessages({ body: BODY });

async function receiveAll(
  receivers: ServiceBusReceiver[],
  perCall: number,
  count: number,
  finished = () => {},
): Promise<void> {
  let left = count;
  let open = count;
  await Promise.all(
    receivers.map(async (receiver) => {
      while (left > 0) {
        const messages = await receiver.receiveMessages(perCall, { maxWaitTimeInMs: 500 });
        left -= messages.length;
        if (receiver.receiveMode === "peekLock")
          await Promise.all(messages.map((message) => receiver.completeMessage(message)));
        open -= messages.length;
        if (open === 0) finished();
      }
    }),
  );
}

async function subscribeAll(
  receivers: ServiceBusReceiver[],
  count: number,
  finished: () => void,
): Promise<void> {
  let left = count;
  const done = Promise.withResolvers<void>();
  const handlers = {
    processMessage: async (_: ServiceBusReceivedMessage) => {
      if (--left === 0) done.resolve();
    },
    processError: async ({ error }: { error: Error }) => done.reject(error),
  };
  const subscriptions = receivers.map((receiver) =>
    receiver.subscribe(handlers, { maxConcurrentCalls: 16 }),
  );
  await done.promise;
  finished();
  await Promise.all(subscriptions.map((subscription) => subscription.close()));
}

const receivers = (count: number, receiveMode: "peekLock" | "receiveAndDelete" = "peekLock") =>
  Array.from({ length: count }, () => client.createReceiver("perf", { receiveMode }));
const close = (list: ServiceBusReceiver[]) => Promise.all(list.map((receiver) => receiver.close()));

async function receiving(name: string, count: number, lanes: number, perCall: number) {
  await sendBatches(count);
  const list = receivers(lanes, perCall > 500 ? "receiveAndDelete" : "peekLock");
  await measure(name, count, (finished) => receiveAll(list, perCall, count, finished));
  await close(list);
}

async function subscribing(lanes: number): Promise<void> {
  await sendBatches(MESSAGES);
  const list = receivers(lanes);
  await measure(`subscribe ${lanes} x 16 concurrent, auto-complete`, MESSAGES, (finished) =>
    subscribeAll(list, MESSAGES, finished),
  );
  await close(list);
}

console.log(`${MESSAGES} messages of ${BODY.length} bytes, Node ${process.version}`);
const few = Math.ceil(MESSAGES / 5);
const drain = async (count: number) => {
  const list = receivers(1, "receiveAndDelete");
  await receiveAll(list, 1_000, count);
  await close(list);
};
await sendBatches(few);
await drain(few);
await measure("send, 256 KB batches", MESSAGES, () => sendBatches(MESSAGES));
await drain(MESSAGES);
await measure("send, 1 in flight", few, () => inLanes(1, few, sendOne));
await drain(few);
await measure("send, 100 in flight", MESSAGES, () => inLanes(100, MESSAGES, sendOne));
await drain(MESSAGES);
await receiving("receiveAndDelete, 1 x receiveMessages(1000)", MESSAGES, 1, 1_000);
await receiving("1 x receiveMessages(1) + complete", few, 1, 1);
await receiving("1 x receiveMessages(50) + complete", MESSAGES, 1, 50);
await receiving("10 x receiveMessages(1) + complete", few, 10, 1);
for (const lanes of [1, 10, 100]) await subscribing(lanes);

await client.close();
broker.kill("SIGTERM");
await once(broker, "exit");
rmSync(directory, { recursive: true });
