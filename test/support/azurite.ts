import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  BlobServiceClient,
  type ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";

// The development account that every storage emulator has (MS docs: storage-use-azurite).
const ACCOUNT = "devstoreaccount1";
const KEY =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

export interface Azurite {
  service: BlobServiceClient;
  pid: number;
  /** A new container. */
  container(name: string): Promise<ContainerClient>;
  /** URL of the container with a SAS of these rights ("cw": create and write). */
  sasUrl(container: ContainerClient, permissions: string, expires?: Date): string;
  stop(): Promise<void>;
}

/** Starts Azurite's blob service on a free port, with its data in a temporary folder. */
export async function startAzurite(): Promise<Azurite> {
  const location = mkdtempSync(join(tmpdir(), "azurite-"));
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      "node_modules/azurite/dist/src/blob/main.js",
      ...["--silent", "--disableTelemetry", "--skipApiVersionCheck"],
      ...["--blobPort", String(port), "--location", location],
    ],
    { stdio: "ignore" },
  );
  const credential = new StorageSharedKeyCredential(ACCOUNT, KEY);
  const service = new BlobServiceClient(`http://127.0.0.1:${port}/${ACCOUNT}`, credential);
  await waitForPort(port, child);
  return {
    service,
    pid: child.pid as number,
    async container(name) {
      const container = service.getContainerClient(name);
      await container.createIfNotExists();
      return container;
    },
    sasUrl(container, permissions, expires = new Date(Date.now() + 3_600_000)) {
      const sas = generateBlobSASQueryParameters(
        {
          containerName: container.containerName,
          permissions: ContainerSASPermissions.parse(permissions),
          expiresOn: expires,
        },
        credential,
      );
      return `${container.url}?${sas}`;
    },
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      rmSync(location, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function waitForPort(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`Azurite ended with code ${child.exitCode}`);
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answer !== undefined) return;
    await sleep(50);
  }
  throw new Error("Azurite did not start");
}
