import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ServiceBusClient } from "@azure/service-bus";
import type { ContainerClient } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "@jest/globals";
import { type Broker, startBroker } from "../../local/service-bus/broker.ts";
import {
  type InventoryEntry,
  inventoryEntrySchema,
  type SegmentHeader,
  type SegmentSummary,
  segmentHeaderSchema,
} from "../../shared/contracts/inventory.ts";
import type { ScanSpec, UploadSpec } from "../../shared/contracts/work.ts";
import { comparePaths } from "../../shared/rules/paths.ts";
import { type Azurite, startAzurite } from "./azurite.ts";
import {
  type FakeControlPlane,
  type FakeOptions,
  startFakeControlPlane,
} from "./fake-control-plane.ts";

/*
 * Importing this gives a suite its own storage, and each test a share, a work queue, and agents that are processes of their own. The
 * control plane is a stand-in that a test opens as it needs it.
 */

const MAIN = join(import.meta.dirname, "../../agent/main.ts");
export const QUEUE = "work-default";
let azurite: Azurite;
export let base: string;
export let broker: Broker;
export let sender: ServiceBusClient;
export let plane: FakeControlPlane;
export let container: ContainerClient;
export let root: string;
let containers = 0;
const children = new Set<ChildProcess>();

export const connection = (port: number, policy: string) =>
  `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=${policy};SharedAccessKey=${policy}-key;UseDevelopmentEmulator=true`;

const openBroker = (port = 0) =>
  startBroker({
    port,
    dataDirectory: join(base, "broker"),
    config: {
      policies: [
        { name: "sender", primaryKey: "sender-key", rights: ["Send", "Listen"] },
        { name: "agents", primaryKey: "agents-key", rights: ["Listen"] },
      ],
      queues: [{ name: QUEUE, lockDuration: "PT5S" }],
    },
  });

/** The queue is there again, at the port where it was. */
export async function reopenBroker(port: number): Promise<void> {
  broker = await openBroker(port);
}

beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "agent-"));
  root = join(base, "share");
  mkdirSync(root);
  container = await azurite.container(`work${containers++}`);
  broker = await openBroker();
  // Not imported above: jest cannot link this CommonJS SDK and the storage SDK's ES modules, which share packages, at once.
  const { ServiceBusClient } = await import("@azure/service-bus");
  sender = new ServiceBusClient(connection(broker.port, "sender"));
});

afterEach(async () => {
  for (const child of children) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  await plane.close();
  await sender.close();
  await broker.close();
  rmSync(base, { recursive: true, force: true });
});

export async function openPlane(options: Partial<FakeOptions> = {}): Promise<void> {
  const queue = sender.createSender(QUEUE);
  plane = await startFakeControlPlane({
    queueConnection: connection(broker.port, "agents"),
    queue: QUEUE,
    send: (body) => queue.sendMessages({ body }),
    ...options,
  });
}

interface Agent {
  child: ChildProcess;
  /** Everything it logged, parsed. */
  log: { msg: string; level: number }[];
  ready: Promise<void>;
  exit: Promise<number | null>;
}

function start(...args: string[]): {
  child: ChildProcess;
  output: () => string;
  errors: () => string;
} {
  const env = { ...process.env, NODE_OPTIONS: "", LONGSHORE_LOG_LEVEL: "debug" };
  const child = spawn(process.execPath, [MAIN, ...args], { env });
  children.add(child);
  child.once("exit", () => children.delete(child));
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  return { child, output: () => output, errors: () => errors };
}

export async function command(...args: string[]) {
  const { child, output, errors } = start(...args);
  const [code] = await once(child, "close");
  return { code, output: output(), errors: errors() };
}

export async function configure(data = join(base, "agent"), ...more: string[]): Promise<string> {
  const args = ["--url", plane.url, "--token", plane.token, "--name", "test", "--data", data];
  const { code, errors } = await command("configure", ...args, ...more);
  if (code !== 0) throw new Error(errors);
  return data;
}

export function run(data: string, ...args: string[]): Agent {
  const { child, output, errors } = start("run", "--data", data, ...args);
  const exit = once(child, "close").then(([code]) => code as number | null);
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", () => output().includes('"ready":true') && resolve());
    exit.then((code) => reject(new Error(`ended with ${code}: ${errors()}`)), reject);
  });
  ready.catch(() => undefined);
  return {
    child,
    exit,
    ready,
    get log() {
      const lines = errors().split("\n").filter(Boolean);
      return lines.map((line) => {
        if (!line.startsWith("{")) throw new Error(errors());
        return JSON.parse(line);
      });
    },
  };
}

export async function until(condition: () => boolean, limitMs = 10_000): Promise<void> {
  for (const end = Date.now() + limitMs; !condition(); ) {
    if (Date.now() > end) throw new Error(`not in time: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const scanSpec = (more: Partial<ScanSpec> = {}): ScanSpec => ({
  kind: "scan",
  source: root,
  containerUrl: azurite.sasUrl(container, "cw"),
  blobPrefix: "first",
  segmentItems: 10,
  segmentBytes: 1_000_000,
  ...more,
});

export const key = randomBytes(32);
export const uploadSpec = (
  files: Record<string, number>,
  more: Partial<UploadSpec> = {},
): UploadSpec => ({
  kind: "upload",
  source: root,
  containerUrl: azurite.sasUrl(container, "cw"),
  contentKey: key.toString("base64"),
  blobPrefix: "e1",
  archiveSmallFiles: true,
  attemptsPerFile: 2,
  files: Object.entries(files).map(([path, size], index) => ({ index, path, size, modified: 0 })),
  ...more,
});

export function tree(folders: number, files: number): void {
  for (let i = 0; i < folders; i++) {
    mkdirSync(join(root, `folder ${i}`));
    for (let j = 0; j < files; j++)
      writeFileSync(join(root, `folder ${i}`, `${j}.txt`), `${i}/${j}`);
  }
}

export async function readSegment({ blob }: SegmentSummary) {
  const lines = gunzipSync(await container.getBlobClient(blob).downloadToBuffer())
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const [header, ...entries] = lines as [SegmentHeader, ...InventoryEntry[]];
  return {
    header: segmentHeaderSchema.parse(header),
    entries: entries.map((entry) => inventoryEntrySchema.parse(entry)),
  };
}

/** The entries of all registered segments, which have to be numbered without gaps and to agree with their summaries. */
export async function inventory(segments: SegmentSummary[]): Promise<string[]> {
  const paths: string[] = [];
  for (const [number, summary] of segments.entries()) {
    expect(summary.segment).toBe(number);
    const { header, entries } = await readSegment(summary);
    expect(header.segment).toBe(number);
    expect(entries).toHaveLength(summary.items);
    expect([entries[0]?.path, entries.at(-1)?.path]).toEqual([summary.first, summary.last]);
    expect(entries.filter((entry) => entry.kind === "file")).toHaveLength(summary.files);
    expect(entries.filter((entry) => entry.kind === "folder")).toHaveLength(summary.folders);
    expect(entries.reduce((sum, { size }) => sum + size, 0)).toBe(summary.bytes);
    const above = entries[0]?.path.split("/").slice(0, -1) ?? [];
    expect(header.open.map(({ path }) => path)).toEqual(
      above.map((_, depth) => above.slice(0, depth + 1).join("/")),
    );
    paths.push(...entries.map((entry) => entry.path));
  }
  expect(paths).toEqual([...paths].sort(comparePaths));
  return paths;
}
