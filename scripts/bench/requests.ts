// `node scripts/bench/requests.ts`: one round over files of 10 KB on this machine, and every request that the control plane makes
// on the way: to tables, blobs, Key Vault, Service Bus, SharePoint and its task hub, by who made it. Requests are what Azure bills
// and throttles by, and unlike times they are the same on a busy machine.
// Usage: node scripts/bench/requests.ts [--files <n>] [--json <file>]
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startApi } from "../../test/support/api.ts";
import type { Counted, Report } from "./count-requests.ts";
import { makeLoad, smallLoad } from "./loads.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "10000" },
    json: { type: "string" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "longshore-requests-"));
const source = join(folder, "share");
mkdirSync(source);
await makeLoad(smallLoad(Number(values.files)), source);
const file = join(folder, "requests.json");
const counting = fileURLToPath(new URL("count-requests.ts", import.meta.url));
const api = await startApi({
  NODE_OPTIONS: `--import ${counting}`,
  REQUESTS_FILE: file,
  // What is done again and again counts as seldom as may be: a job is over when it is looked at first, an agent beats at leisure.
  IMPORT_POLL_FIRST_MS: "3000",
  IMPORT_POLL_MAX_MS: "3000",
  HEARTBEAT_SECONDS: "5",
  LEASE_SECONDS: "60",
});
let agent: ChildProcess | undefined;
try {
  agent = await startAgent();
  const before = await counted();
  const began = performance.now();
  await migrate();
  const seconds = (performance.now() - began) / 1000;
  const after = await counted();
  const counts = difference(before.counts, after.counts).filter(({ by }) => by !== "getTask");
  const packages =
    counts.find((each) => each.by === "recordPackage" && isInvocation(each))?.count ?? 0;
  report(counts, packages, { seconds, cpuSeconds: after.cpuSeconds - before.cpuSeconds });
  if (values.json) writeFileSync(values.json, JSON.stringify({ packages, counts }, null, 2));
} finally {
  agent?.kill("SIGKILL");
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
}

function isInvocation({ what }: Counted): boolean {
  return what === "invocation";
}

async function startAgent(): Promise<ChildProcess> {
  const { json } = await api.post("v1/enrolment-tokens", {});
  const main = fileURLToPath(new URL("../../agent/main.ts", import.meta.url));
  const data = join(folder, "agent");
  const url = api.url.replace(/\/api\/$/, "");
  const env = {
    PATH: process.env.PATH,
    LONGSHORE_ENROLMENT_TOKEN: json.token,
    NODE_EXTRA_CA_CERTS: api.surroundings.vault.certificateFile,
  };
  const configured = spawnSync(
    process.execPath,
    [main, "configure", "--url", url, "--name", "agent", "--data", data],
    { env, encoding: "utf8" },
  );
  if (configured.status !== 0) throw new Error(`the agent was not enrolled: ${configured.stderr}`);
  const child = spawn(process.execPath, [main, "run", "--data", data], { env, stdio: "ignore" });
  child.once("exit", (code) => code === null || console.error(`the agent exited with ${code}`));
  await once(child, "spawn");
  return child;
}

/** Runs a round to its end. What it asks is no part of the counts. */
async function migrate(): Promise<void> {
  const session = await api.post("v1/sessions", { name: "Bench" });
  const created = await api.post(`v1/sessions/${session.json.id}/tasks`, {
    ...{ name: "Bench", source, start: "now" },
    destination: { siteUrl: api.surroundings.siteUrl, library: "Documents" },
  });
  if (created.status !== 201) throw new Error(created.text);
  for (;;) {
    await sleep(2_000);
    const { round, state } = (await api.get(`v1/tasks/${created.json.id}`)).json;
    if (state === "Queued" || state === "InProgress") continue;
    if (state === "Completed") return;
    throw new Error(`the task ended ${state}: ${JSON.stringify(round)}`);
  }
}

/** What the host has counted up to now. */
async function counted(): Promise<Report> {
  await sleep(1_500);
  return JSON.parse(readFileSync(file, "utf8"));
}

function difference(before: readonly Counted[], after: readonly Counted[]): Counted[] {
  const keyOf = ({ by, through, what }: Counted) => JSON.stringify([by, through, what]);
  const known = new Map(before.map((each) => [keyOf(each), each.count]));
  return after
    .map((each) => ({ ...each, count: each.count - (known.get(keyOf(each)) ?? 0) }))
    .filter(({ count }) => count > 0);
}

function report(
  counts: readonly Counted[],
  packages: number,
  { seconds, cpuSeconds }: { seconds: number; cpuSeconds: number },
): void {
  const requests = counts.filter((each) => !isInvocation(each));
  const cells = (count: number) => [String(count), (count / packages).toFixed(2)];
  const show = (title: string, keyOf: (each: Counted) => string) => {
    const rows = sums(requests, keyOf).map(([key, count]) => [key, ...cells(count)]);
    console.log(table([title, "requests", "per package"], rows));
  };
  console.log(`\n${values.files} files of 10 KB in ${packages} packages\n`);
  show("each", ({ by, through, what }) => `${by}${through && ` > ${through}`}: ${what}`);
  show("what", ({ what }) => what);
  const invocations = new Map(sums(counts.filter(isInvocation), ({ by }) => by));
  const asked = new Map(sums(requests, ({ by }) => by));
  console.log(
    table(
      ["by", "invocations", "per package", "requests", "per package"],
      [...new Set([...asked.keys(), ...invocations.keys()])].map((by) => [
        by,
        ...cells(invocations.get(by) ?? 0),
        ...cells(asked.get(by) ?? 0),
      ]),
    ),
  );
  show("service", ({ what }) => what.replace(/:.*/, ""));
  const all = requests.reduce((sum, { count }) => sum + count, 0);
  console.log(
    `${(all / packages).toFixed(1)} requests and ${((1000 * cpuSeconds) / packages).toFixed(0)} ms of the host's CPU per package, in ${seconds.toFixed(0)} s\n`,
  );
}

/** How many there are of each key, the most frequent first. */
function sums(counts: readonly Counted[], keyOf: (each: Counted) => string): [string, number][] {
  const sum = new Map<string, number>();
  for (const each of counts) sum.set(keyOf(each), (sum.get(keyOf(each)) ?? 0) + each.count);
  return [...sum].sort(([, a], [, b]) => b - a);
}
