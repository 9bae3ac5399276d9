import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Secrets } from "./secrets.ts";
import { createSizeWatch } from "./storage-limit.ts";
import type { PartDefinition } from "./supervisor/part.ts";

/** The folder with package.json: this file is below it as `local/parts.ts` or `dist/local/parts.js`. */
export const repositoryRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

export const PORT_NAMES = [
  "azurite-blob",
  "azurite-queue",
  "azurite-table",
  "service-bus",
  "key-vault",
  "identity",
  "sharepoint",
  "functions-host",
] as const;
export type Ports = Record<(typeof PORT_NAMES)[number], number>;

/** Tasks name their site and packages their key by URL: these two ports are part of the data. */
export const PINNED_PORTS = ["sharepoint", "key-vault"] as const;

/** A SharePoint site with one library, which is a folder on this machine. */
export interface LocalLibrary {
  site: string;
  folder: string;
}
export const LIBRARY_TITLE = "Documents";
export const PACKAGE_KEY = "package-keys";

export interface Machine {
  /** The data folder. */
  data: string;
  ports: Ports;
  secrets: Secrets;
  libraries: readonly LocalLibrary[];
}

/**
 * V8 takes what memory it finds before it collects; these keep our processes well under 300 MB whatever passes through them.
 * What they hold is bounded by what is under way at once, so a small heap costs nothing but earlier collections.
 */
const SMALL_HEAP = { NODE_OPTIONS: "--max-old-space-size=192 --max-semi-space-size=8" };

const script = (...path: string[]) => join(repositoryRoot, ...path);
const url = (port: number) => `http://127.0.0.1:${port}`;

export const apiUrl = ({ ports }: Machine) => url(ports["functions-host"]);
export const vaultUrl = ({ ports }: Machine) => `https://127.0.0.1:${ports["key-vault"]}`;
/** Holds the certificate of the vault and of Service Bus, which their clients have to trust: the app trusts both. */
export const certificateFolder = ({ data }: Pick<Machine, "data">) => join(data, "tls");
export const identityEndpoint = ({ ports }: Machine) => `${url(ports.identity)}/msi/token`;
export const siteUrl = ({ ports }: Machine, site: string) =>
  `${url(ports.sharepoint)}/sites/${site}`;

/** Blob, queue and table storage: three processes, so that a crash of one does not take the others down. */
export function storageParts({ data, ports, secrets }: Machine): PartDefinition[] {
  return (["blob", "queue", "table"] as const).map((service): PartDefinition => {
    const port = ports[`azurite-${service}`];
    const folder = join(data, `azurite-${service}`);
    return {
      name: `azurite-${service}`,
      script: script("node_modules/azurite/dist/src", service, "main.js"),
      args: [
        "--silent",
        "--disableTelemetry",
        // The SDKs of today send API versions that Azurite 3.36 does not know yet.
        "--skipApiVersionCheck",
        ...["--location", folder],
        ...[`--${service}Host`, "127.0.0.1", `--${service}Port`, String(port)],
      ],
      env: { AZURITE_ACCOUNTS: `${secrets.storageAccount}:${secrets.storageKey}` },
      readyPort: port,
      // Azurite writes its stores every five seconds and at a gentle stop (azurite 3.36 source: lokijs autosave). Its table
      // service has a handler for SIGINT only; SIGTERM would end it without saving.
      stopSignal: "SIGINT",
      stopSeconds: 60,
      losesWrites: true,
      watch: createSizeWatch(folder),
    };
  });
}

export function serviceBusPart({ data, ports, secrets }: Machine): PartDefinition {
  const folder = join(data, "service-bus");
  const config = join(folder, "config.json");
  const policies = [
    { name: "control-plane", primaryKey: secrets.sendKey, rights: ["Manage"] },
    { name: "agents", primaryKey: secrets.listenKey, rights: ["Listen"] },
  ];
  // The app makes the queues, one for each agent group.
  writeFileSync(config, JSON.stringify({ policies, queues: [] }, null, 2), { mode: 0o600 });
  return {
    name: "service-bus",
    script: script("dist/local/service-bus/main.js"),
    args: [
      ...["--data", folder, "--config", config],
      ...["--port", String(ports["service-bus"]), "--tls", certificateFolder({ data })],
    ],
  };
}

export function keyVaultPart({ data, ports, secrets }: Machine): PartDefinition {
  return {
    name: "key-vault",
    script: script("dist/local/key-vault/main.js"),
    args: [
      ...["--data", join(data, "key-vault"), "--tls", certificateFolder({ data })],
      ...["--port", String(ports["key-vault"]), "--identity-port", String(ports.identity)],
    ],
    env: { IDENTITY_HEADER: secrets.identityHeader },
  };
}

export function sharePointPart(machine: Machine): PartDefinition {
  const { data, ports, libraries } = machine;
  const flags = libraries.flatMap(({ site, folder }) => [
    "--library",
    `${site}=${LIBRARY_TITLE}=${folder}`,
  ]);
  return {
    name: "sharepoint",
    script: script("dist/local/sharepoint/main.js"),
    args: [
      "--data",
      join(data, "sharepoint"),
      "--port",
      String(ports.sharepoint),
      "--jwks",
      `${url(ports.identity)}/.well-known/jwks.json`,
      ...flags,
    ],
    // For the containers and queues that it lends; a flag would show the account's key to everybody.
    env: { STORAGE_CONNECTION: storageConnection(machine) },
  };
}

export function functionsHostPart(machine: Machine): PartDefinition {
  const folder = join(machine.data, "functions-host");
  const port = String(machine.ports["functions-host"]);
  return {
    name: "functions-host",
    script: script("dist/local/functions-host/main.js"),
    args: ["--app", repositoryRoot, "--data", folder, "--port", port],
    env: { ...appSettings(machine), ...SMALL_HEAP },
  };
}

export function agentPart(name: string, folder: string): PartDefinition {
  const args = ["run", "--data", folder];
  return { name, script: script("dist/agent/main.js"), args, env: SMALL_HEAP };
}

/** The settings of the functions app, as a deployment would have them: nothing in them says that this is one machine. */
function appSettings(machine: Machine): Record<string, string> {
  const { ports, secrets } = machine;
  const storage = storageConnection(machine);
  const bus = `Endpoint=sb://127.0.0.1:${ports["service-bus"]}`;
  const policy = (name: string, key: string) =>
    `${bus};SharedAccessKeyName=${name};SharedAccessKey=${key};UseDevelopmentEmulator=true`;
  return {
    FUNCTIONS_WORKER_RUNTIME: "node",
    AzureWebJobsStorage: storage,
    STATE_STORAGE_CONNECTION: storage,
    PACKAGE_STORAGE_CONNECTION: storage,
    SERVICE_BUS_CONNECTION: policy("control-plane", secrets.sendKey),
    AGENT_SERVICE_BUS_CONNECTION: policy("agents", secrets.listenKey),
    KEY_VAULT_URL: vaultUrl(machine),
    KEY_VAULT_KEY: PACKAGE_KEY,
    // The vault is 127.0.0.1, not a host of the domain that its challenge names.
    KEY_VAULT_VERIFY_CHALLENGE: "false",
    NODE_EXTRA_CA_CERTS: join(certificateFolder(machine), "certificate.pem"),
    IDENTITY_ENDPOINT: identityEndpoint(machine),
    IDENTITY_HEADER: secrets.identityHeader,
    // Nothing throttles here, and a job of the simulator takes milliseconds, not minutes.
    IMPORT_POLL_FIRST_MS: "100",
    IMPORT_POLL_MAX_MS: "500",
    // Who listens for webhooks here listens on this machine.
    WEBHOOK_PRIVATE_ADDRESSES: "true",
    HEARTBEAT_SECONDS: "1",
    LEASE_SECONDS: "30",
  };
}

function storageConnection({ ports, secrets }: Machine): string {
  const { storageAccount, storageKey } = secrets;
  const endpoint = (name: string, port: number) => `${name}Endpoint=${url(port)}/${storageAccount}`;
  return [
    "DefaultEndpointsProtocol=http",
    `AccountName=${storageAccount}`,
    `AccountKey=${storageKey}`,
    endpoint("Blob", ports["azurite-blob"]),
    endpoint("Queue", ports["azurite-queue"]),
    endpoint("Table", ports["azurite-table"]),
  ].join(";");
}

function findRoot(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error("package.json was not found above this script");
  return findRoot(parent);
}
