/**
 * Measures the local Functions host in this process, over its fixture app: engine, SDK and store,
 * without HTTP in between, then the same with HTTP. Prints one JSON line per figure;
 * on a busy machine CPU seconds say more than the others.
 *
 *   node scripts/bench/functions-host.ts [--orchestrations 1000] [--fan 5000] [--rounds 2]
 */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startNew } from "../../local/functions-host/durable/client.ts";
import { findInstance, isFinished } from "../../local/functions-host/durable/instances.ts";
import { startHost } from "../../local/functions-host/host.ts";

const { values } = parseArgs({
  options: {
    orchestrations: { type: "string", default: "1000" },
    fan: { type: "string", default: "5000" },
    rounds: { type: "string", default: "2" },
  },
});
const [orchestrations, fan, rounds] = [values.orchestrations, values.fan, values.rounds].map(
  Number,
) as [number, number, number];

const dataDirectory = mkdtempSync(path.join(os.tmpdir(), "bench-functions-host-"));
const root = path.resolve(import.meta.dirname, "../..").replace(/\/dist$/, "");
process.env.TICK_SCHEDULE = "0 0 0 1 1 *"; // timers of the fixture stay out of the way
process.env["AzureWebJobs.slowTick.Disabled"] = "true";
const host = await startHost({
  appDirectory: path.join(root, "local/functions-host/fixture"),
  dataDirectory,
  port: 0,
});
const { hub } = host.durable;

async function run(name: string, input: object, count: number): Promise<void> {
  const options = { input: JSON.stringify(input) };
  const ids = await Promise.all(Array.from({ length: count }, () => startNew(hub, name, options)));
  for (const id of ids) await finished(id);
}

async function finished(id: string): Promise<void> {
  for (;;) {
    const instance = findInstance(hub.store, id);
    if (instance?.status === "Completed") return;
    if (instance && isFinished(instance.status)) throw new Error(`${id}: ${instance.output}`);
    await sleep(4);
  }
}

async function measure(name: string, work: () => Promise<void>, items: number): Promise<void> {
  Object.assign(hub.stats, { turns: 0, replayedEvents: 0, activities: 0 });
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const figures = {
    name,
    seconds: Number(seconds.toFixed(2)),
    cpuSeconds: Number(((cpu.user + cpu.system) / 1e6).toFixed(2)),
    perSecond: Math.round(items / seconds),
    ...hub.stats,
    rssMB: Math.round(process.memoryUsage().rss / 1e6),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** `count` requests by 20 clients at a time. */
async function http(count: number, target: string, init: RequestInit = {}): Promise<string[]> {
  const bodies: string[] = [];
  let sent = 0;
  const worker = async () => {
    while (sent++ < count) bodies.push(await (await fetch(host.url + target, init)).text());
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  return bodies;
}

await run("sequence", {}, 1); // warm up
for (let round = 0; round < rounds; round++) {
  const sequences = `${orchestrations} orchestrations x 5 activities in sequence`;
  await measure(sequences, () => run("sequence", {}, orchestrations), orchestrations);
}
for (let round = 0; round < rounds; round++) {
  await measure(`fan-out ${fan}`, () => run("fanOut", { n: fan }, 1), fan);
}
await measure(`fan-out ${fan} x 20 ms`, () => run("fanOut", { n: fan, ms: 20 }, 1), fan);
const window = 250;
await measure(
  `fan-out ${fan} in sub-orchestrations of ${window}`,
  () => run("fanOutInChildren", { n: fan, window }, 1),
  fan,
);
const started = await (async () => {
  let ids: string[] = [];
  const begin = async () => {
    const init = { method: "POST", body: "{}" };
    const answers = await http(orchestrations, "/api/start/sequence", init);
    ids = answers.map((text) => (JSON.parse(text) as { id: string }).id);
  };
  await measure(`start ${orchestrations} through HTTP and the SDK client`, begin, orchestrations);
  return ids;
})();
await measure(
  "… and wait for them",
  async () => {
    for (const id of started) await finished(id);
  },
  orchestrations,
);
await measure("plain HTTP function", async () => void (await http(3000, "/api/hello/x")), 3000);

await host.stop();
rmSync(dataDirectory, { recursive: true, force: true });
process.exit(0);
