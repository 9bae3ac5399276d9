import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const repository = new URL("../../", import.meta.url);

export interface TestStorage {
  /** Connection string of an account with blobs and tables. */
  connection: string;
  /** The same without its key: where the account is, for who opens it with a token. */
  endpoints: string;
  stop(): Promise<void>;
}

const ENDPOINTS = { blob: "BlobEndpoint", table: "TableEndpoint", queue: "QueueEndpoint" } as const;
type Service = keyof typeof ENDPOINTS;

/**
 * Starts Azurite's blob and table services, or blobs alone, and queues if wanted, in memory, on free ports, with an account of their own. With the
 * folder of a certificate they speak https, and take tokens beside the key.
 */
export async function startStorage({
  tables = true,
  queues = false,
  certificate,
}: {
  tables?: boolean;
  queues?: boolean;
  certificate?: string | undefined;
} = {}): Promise<TestStorage> {
  const protocol = certificate === undefined ? "http" : "https";
  const secure =
    certificate === undefined
      ? []
      : [
          ...["--oauth", "basic", "--cert", join(certificate, "certificate.pem")],
          ...["--key", join(certificate, "certificate-key.pem")],
        ];
  const account = "longshore";
  const key = randomBytes(64).toString("base64");
  const wanted: Service[] = ["blob"];
  if (tables) wanted.push("table");
  if (queues) wanted.push("queue");
  const services = await Promise.all(
    wanted.map((service) => startService(service, `${account}:${key}`, { protocol, secure })),
  );
  const endpoints = services.map(
    ({ service, port }) => `${ENDPOINTS[service]}=${protocol}://127.0.0.1:${port}/${account}`,
  );
  return {
    endpoints: endpoints.join(";"),
    connection: [
      `DefaultEndpointsProtocol=${protocol}`,
      `AccountName=${account}`,
      `AccountKey=${key}`,
      ...endpoints,
    ].join(";"),
    async stop() {
      await Promise.all(services.map(({ child }) => stopProcess(child)));
    },
  };
}

/** A table prefix that no other test has, so that tests may share one account. */
export const uniquePrefix = (): string => `T${randomBytes(6).toString("hex")}`;

/** Loaded first: when the tests are killed the pipe to them closes, and nothing is left running. */
const ENDS_WITH_US =
  "data:text/javascript,process.stdin.on('close',()=>process.exit()).resume().unref()";

async function startService(
  service: Service,
  accounts: string,
  { protocol, secure }: { protocol: string; secure: readonly string[] },
) {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      ...["--import", ENDS_WITH_US],
      fileURLToPath(new URL(`node_modules/azurite/dist/src/${service}/main.js`, repository)),
      ...["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"],
      ...secure,
      ...[`--${service}Host`, "127.0.0.1", `--${service}Port`, String(port)],
    ],
    { stdio: ["pipe", "ignore", "ignore"], env: { ...process.env, AZURITE_ACCOUNTS: accounts } },
  );
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null) throw new Error(`Azurite ended with code ${child.exitCode}`);
    const answer = await fetch(`${protocol}://127.0.0.1:${port}/`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer) return { service, port, child };
    if (tries === 600) throw new Error(`Azurite's ${service} service did not start`);
    await sleep(50);
  }
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  // Nothing is to be saved: its data is in memory.
  child.kill("SIGKILL");
  await gone;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
