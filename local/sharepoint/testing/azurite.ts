import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";

const ACCOUNT = "devstoreaccount1";
/** Azurite's published key. */
const ACCOUNT_KEY =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const repository = new URL("../../../", import.meta.url);

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "sharepoint-"));
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

export interface Azurite {
  service: BlobServiceClient;
  connectionString: string;
  stop(): Promise<void>;
}

/** Blob storage, and queues if they are asked for. */
export async function startAzurite({ queues = false } = {}): Promise<Azurite> {
  const folder = await temporaryFolder();
  const [port, queuePort] = [await freePort(), await freePort()];
  const flags = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"];
  const start = (service: "blob" | "queue", at: number) => {
    const main = new URL(`node_modules/azurite/dist/src/${service}/main.js`, repository);
    const location = ["--location", join(folder, service)];
    return spawn(
      process.execPath,
      [fileURLToPath(main), ...flags, `--${service}Port`, String(at), ...location],
      { stdio: "ignore" },
    );
  };
  const children = [start("blob", port), ...(queues ? [start("queue", queuePort)] : [])];
  const url = `http://127.0.0.1:${port}/${ACCOUNT}`;
  const queueUrl = `http://127.0.0.1:${queuePort}/${ACCOUNT}`;
  const credential = new StorageSharedKeyCredential(ACCOUNT, ACCOUNT_KEY);
  const service = new BlobServiceClient(url, credential, { retryOptions: { maxTries: 1 } });
  await until(async () => (await service.getProperties().catch(() => undefined)) !== undefined);
  if (queues) await until(async () => (await fetch(queueUrl).catch(() => undefined)) !== undefined);
  return {
    service: new BlobServiceClient(url, credential),
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${ACCOUNT_KEY};BlobEndpoint=${url};QueueEndpoint=${queueUrl};`,
    async stop() {
      for (const child of children) await stopProcess(child);
      await removeFolder(folder);
    },
  };
}

export async function stopProcess(
  child: ChildProcess,
  signal: NodeJS.Signals = "SIGTERM",
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

/** Polls until `condition` holds. Throws after `seconds`. */
export async function until(condition: () => Promise<boolean>, seconds = 20): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; await delay(25)) {
    if (await condition()) return;
  }
  throw new Error(`condition did not hold within ${seconds} s`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return (address as { port: number }).port;
}
