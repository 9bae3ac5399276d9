// What an agent's uploads cost: files from the page cache, encrypted, archived and sent to Azurite, and to a sink that only
// answers 201, which shows the agent's own limit. The agent's work runs in a process of its own, so that its CPU seconds
// and its memory are its own.
// Usage: node scripts/bench/agent-upload.ts [small files] [large files of 200 MB]
import { fork, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../agent/log.ts";
import { openContainer } from "../../agent/work/container.ts";
import { inLanes } from "../../agent/work/lanes.ts";
import { upload } from "../../agent/work/upload.ts";
import type { UploadSpec } from "../../shared/contracts/work.ts";
import { MAX_PACKAGE_ITEMS } from "../../shared/rules/limits.ts";

interface Load {
  name: string;
  folder: string;
  files: number;
  size: number;
  perPackage: number;
}

interface Figures {
  seconds: number;
  cpuSeconds: number;
  rssMb: number;
}

const SLOTS = 4;
const MB = 1_000_000;

if (process.argv[2] === "--measure") {
  const { load, containers } = JSON.parse(process.argv[3] as string);
  process.send?.(await measure(load, containers), () => process.disconnect());
} else if (process.argv[2] === "--sink") {
  await runSink();
} else {
  await main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 10));
}

async function main(small: number, large: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "agent-bench-"));
  const loads: Load[] = [
    {
      name: `${small} x 10 KB`,
      folder: "small",
      files: small,
      size: 10_000,
      perPackage: MAX_PACKAGE_ITEMS,
    },
    { name: `${large} x 200 MB`, folder: "large", files: large, size: 200 * MB, perPackage: 1 },
  ];
  for (const load of loads) {
    load.folder = realpathSync(makeFolder(join(directory, load.folder)));
    const content = randomBytes(load.size);
    for (let i = 0; i < load.files; i++) writeFileSync(join(load.folder, String(i)), content);
  }
  const azuriteData = makeFolder(join(directory, "azurite"));
  try {
    for (const load of loads) {
      for (const [name, open] of [["sink", openSink] as const, ["azurite", openAzurite] as const]) {
        const target = await open(azuriteData);
        const packages = Math.ceil(load.files / load.perPackage);
        const containers = await target.containers(packages);
        print(load, name, await inChild(load, containers));
        await target.close();
      }
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function print({ name, files, size }: Load, target: string, figures: Figures): void {
  const { seconds, cpuSeconds, rssMb } = figures;
  const columns = [
    name.padEnd(16),
    target.padEnd(8),
    `${(files / seconds).toFixed(0).padStart(7)} files/s`,
    `${((files * size) / MB / seconds).toFixed(0).padStart(5)} MB/s`,
    `${seconds.toFixed(1).padStart(6)} s`,
    `${cpuSeconds.toFixed(1).padStart(6)} CPU s`,
    `${rssMb.toFixed(0).padStart(5)} MB RSS`,
  ];
  console.log(columns.join("  "));
}

/** As many packages at once as an agent has slots. */
async function measure(load: Load, containers: string[]): Promise<Figures> {
  const signal = new AbortController().signal;
  const progress = { items: 0, bytes: 0, yielding: false, segmentWritten: () => undefined };
  // Not resourceUsage().maxRSS: a child inherits its parent's peak there (Linux).
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const begun = { time: performance.now(), cpu: process.cpuUsage() };
  await inLanes(containers.keys(), SLOTS, async (number) => {
    const start = number * load.perPackage;
    const count = Math.min(load.perPackage, load.files - start);
    const spec: UploadSpec = {
      kind: "upload",
      source: load.folder,
      containerUrl: containers[number] as string,
      contentKey: randomBytes(32).toString("base64"),
      blobPrefix: "e1",
      archiveSmallFiles: true,
      attemptsPerFile: 1,
      files: Array.from({ length: count }, (_, i) => ({
        index: i,
        path: String(start + i),
        size: load.size,
        modified: 0,
      })),
    };
    const container = openContainer(spec.containerUrl, { signal });
    const source = { root: load.folder, roots: [], log: createLog("warn") };
    const { files } = await upload(spec, { ...source, container, progress, signal });
    const failed = files.find((file) => file.status === "failed");
    if (failed !== undefined) throw new Error(JSON.stringify(failed));
  });
  clearInterval(sampling);
  const { user, system } = process.cpuUsage(begun.cpu);
  return {
    seconds: (performance.now() - begun.time) / 1000,
    cpuSeconds: (user + system) / 1e6,
    rssMb: peak / MB,
  };
}

async function inChild(load: Load, containers: string[]): Promise<Figures> {
  const child = fork(import.meta.filename, ["--measure", JSON.stringify({ load, containers })], {
    env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
  });
  const [[figures]] = await Promise.all([once(child, "message"), once(child, "exit")]);
  return figures as Figures;
}

interface Target {
  /** URLs with SAS of so many new containers. */
  containers(count: number): Promise<string[]>;
  close(): Promise<void>;
}

async function openSink(): Promise<Target> {
  const child = fork(import.meta.filename, ["--sink"]);
  const [port] = (await once(child, "message")) as [number];
  return {
    containers: async (count) =>
      Array.from({ length: count }, (_, i) => `http://127.0.0.1:${port}/sink/${i}?sig=none`),
    async close() {
      child.kill();
      await once(child, "exit");
    },
  };
}

async function runSink(): Promise<void> {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(201).end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.((server.address() as AddressInfo).port);
}

async function openAzurite(location: string): Promise<Target> {
  // Imported here, because the measured process does not need the SDK's memory.
  const { BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential } = await import(
    "@azure/storage-blob"
  );
  const [account, port] = ["bench", 21_000 + Math.floor(Math.random() * 10_000)];
  const key = createHash("sha256").update(location).digest("base64");
  const script = "node_modules/azurite/dist/src/blob/main.js";
  const flags = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--location", location];
  const child = spawn(process.execPath, [script, ...flags, "--blobPort", String(port)], {
    env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${key}` },
    stdio: "ignore",
  });
  const credential = new StorageSharedKeyCredential(account, key);
  const service = new BlobServiceClient(`http://127.0.0.1:${port}/${account}`, credential);
  const permissions = ContainerSASPermissions.parse("cw");
  const expiresOn = new Date(Date.now() + 3_600_000);
  return {
    containers: (count) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const container = service.getContainerClient(`c${randomBytes(8).toString("hex")}`);
          await container.create();
          return container.generateSasUrl({ permissions, expiresOn });
        }),
      ),
    async close() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

function makeFolder(path: string): string {
  mkdirSync(path);
  return path;
}
