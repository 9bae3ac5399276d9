import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { KeyClient } from "@azure/keyvault-keys";
import type { ServiceBusReceiver } from "@azure/service-bus";
import { BlobServiceClient } from "@azure/storage-blob";
import { type Config, readConfig } from "../../functions/config.ts";
import { SharePointDestination } from "../../functions/destinations/sharePoint.ts";
import { ContentKeys, unwrapEntry } from "../../functions/security/contentKeys.ts";
import { SealedSecrets } from "../../functions/security/sealedSecrets.ts";
import type { Services } from "../../functions/services.ts";
import { Admission } from "../../functions/stores/admission.ts";
import { AgentStore } from "../../functions/stores/agents.ts";
import { AuditStore } from "../../functions/stores/audit.ts";
import { openTable } from "../../functions/stores/documents.ts";
import { IdempotencyStore } from "../../functions/stores/idempotency.ts";
import { JobSlots, slotLimits } from "../../functions/stores/jobSlots.ts";
import { RoundStore } from "../../functions/stores/rounds.ts";
import { SettingsStore } from "../../functions/stores/settings.ts";
import { TaskStore } from "../../functions/stores/tasks.ts";
import { ThrottleStore } from "../../functions/stores/throttle.ts";
import { Tombstones } from "../../functions/stores/tombstones.ts";
import { WakeUps } from "../../functions/stores/wakeUps.ts";
import { WebhookStore } from "../../functions/stores/webhooks.ts";
import { openCertificate } from "../../local/certificate.ts";
import { type KeyVault, startKeyVault } from "../../local/key-vault/vault.ts";
import { type Broker, startBroker } from "../../local/service-bus/broker.ts";
import { type SharePoint, startSharePoint } from "../../local/sharepoint/server.ts";
import { startStorage, type TestStorage, uniquePrefix } from "./storage.ts";

export const IDENTITY_SECRET = "identity-secret";

/** The control plane's surroundings, real: storage, Service Bus, Key Vault and SharePoint, each on a free port. */
export interface Surroundings {
  storage: TestStorage;
  broker: Broker;
  vault: KeyVault;
  sharePoint: SharePoint;
  /** Where the files of the library "Documents" of the site "finance" are. */
  library: string;
  siteUrl: string;
  config: Config;
  credential: {
    getToken(scopes: string | string[]): Promise<{ token: string; expiresOnTimestamp: number }>;
  };
  /** Tells the simulator what to do wrong. */
  faults(changes: object): Promise<void>;
  stop(): Promise<void>;
}

/** `queues`: storage has them, too, so that SharePoint can lend one. `settings`: of the app, besides those it needs. */
export async function startSurroundings({
  queues = false,
  settings = {} as Record<string, string>,
} = {}): Promise<Surroundings> {
  const data = mkdtempSync(join(tmpdir(), "longshore-"));
  const library = join(data, "library");
  const storage = await startStorage({ queues });
  const tlsFolder = join(data, "tls");
  const certificate = await openCertificate(tlsFolder);
  const [broker, vault, sharePoint] = await Promise.all([
    startBroker({ dataDirectory: join(data, "bus"), config: BUS, certificate }),
    startKeyVault({
      ...{ dataDirectory: join(data, "vault"), certificateDirectory: tlsFolder },
      identitySecret: IDENTITY_SECRET,
    }),
    startSharePoint({
      ...{ data: join(data, "sharepoint"), log: () => undefined, storage: storage.connection },
      libraries: [{ site: "finance", title: "Documents", folder: library }],
    }),
  ]);
  // Not beside those of earlier vaults of this process: they have the same name, and OpenSSL takes the first that has.
  tls.setDefaultCACertificates([
    ...tls.getCACertificates("bundled"),
    readFileSync(vault.certificateFile, "utf8"),
  ]);
  const credential = credentialOf(vault);
  await new KeyClient(vault.url, credential, {
    disableChallengeResourceVerification: true,
  }).createRsaKey("package-keys", { keySize: 2048 });
  const bus = (policy: string) =>
    `Endpoint=sb://127.0.0.1:${broker.port};SharedAccessKeyName=${policy};SharedAccessKey=${policy}-key;UseDevelopmentEmulator=true`;
  const config = readConfig({
    STATE_STORAGE_CONNECTION: storage.connection,
    PACKAGE_STORAGE_CONNECTION: storage.connection,
    SERVICE_BUS_CONNECTION: bus("manage"),
    AGENT_SERVICE_BUS_CONNECTION: bus("listen"),
    KEY_VAULT_URL: vault.url,
    KEY_VAULT_VERIFY_CHALLENGE: "false",
    IMPORT_SILENCE_MS: "200",
    ...settings,
  });
  return {
    ...{ storage, broker, vault, sharePoint, library, config, credential },
    siteUrl: `${sharePoint.url}/sites/finance`,
    async faults(changes) {
      const url = `${sharePoint.url}/_simulator/faults`;
      const answer = await fetch(url, { method: "POST", body: JSON.stringify(changes) });
      if (!answer.ok) throw new Error(await answer.text());
    },
    async stop() {
      await Promise.all([storage.stop(), broker.close(), vault.close(), sharePoint.close()]);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

const BUS = {
  policies: [
    { name: "manage", primaryKey: "manage-key", rights: ["Manage" as const] },
    { name: "send", primaryKey: "send-key", rights: ["Send" as const] },
    { name: "listen", primaryKey: "listen-key", rights: ["Listen" as const] },
  ],
  // The app makes those of other groups itself.
  queues: [
    { name: "work-default", requiresDuplicateDetection: true },
    { name: "work-paris", requiresDuplicateDetection: true },
  ],
};

/** Tokens straight from the vault's identity endpoint: the SDK's credentials keep to the first endpoint of a process. */
const credentialOf = ({ identityUrl }: KeyVault) => ({
  async getToken(scopes: string | string[]) {
    const resource = String([scopes].flat()[0]).replace(/\/\.default$/, "");
    const url = `${identityUrl}?api-version=2019-08-01&resource=${encodeURIComponent(resource)}`;
    const response = await fetch(url, { headers: { "x-identity-header": IDENTITY_SECRET } });
    const { access_token, expires_on } = (await response.json()) as Record<string, string>;
    return { token: `${access_token}`, expiresOnTimestamp: Number(expires_on) * 1000 };
  },
});

export interface TestServices extends Services {
  /** Bodies of the messages that wait in a queue; takes them off it. */
  messages(queue?: string): Promise<unknown[]>;
  close(): Promise<void>;
}

/** The control plane's services with tables and containers of their own. */
export async function buildServices(surroundings: Surroundings): Promise<TestServices> {
  const { storage, credential } = surroundings;
  const config = { ...surroundings.config, TABLE_PREFIX: uniquePrefix(), TASKS_AT_ONCE: 1_000 };
  const blobs = BlobServiceClient.fromConnectionString(storage.connection);
  const table = (name: string) => openTable(storage.connection, `${config.TABLE_PREFIX}${name}`);
  const container = async (name: string) => {
    const client = blobs.getContainerClient(`${config.TABLE_PREFIX.toLowerCase()}-${name}`);
    await client.create();
    return client;
  };
  const [
    sessions,
    tasks,
    rounds,
    agents,
    trail,
    requests,
    hooks,
    destinations,
    plans,
    outcomes,
    reports,
  ] = await Promise.all([
    table("Sessions"),
    table("Tasks"),
    table("Rounds"),
    table("Agents"),
    table("Audit"),
    table("Idempotency"),
    table("Webhooks"),
    table("Destinations"),
    container("plans"),
    container("outcomes"),
    container("reports"),
  ]);
  // Jest 30 cannot require() what is being imported at the same time; that SDK is CommonJS, the others are not.
  const { ServiceBusClient } = await import("@azure/service-bus");
  const { WorkQueues } = await import("../../functions/queues/workQueues.ts");
  const queues = new WorkQueues(config);
  const webhooks = new WebhookStore(hooks);
  const audit = new AuditStore(trail);
  const listener = new ServiceBusClient(config.AGENT_SERVICE_BUS_CONNECTION);
  const receivers = new Map<string, ServiceBusReceiver>();
  return {
    config,
    settings: new SettingsStore(sessions),
    admission: new Admission(tasks),
    wakeUps: new WakeUps(tasks),
    tombstones: new Tombstones(tasks),
    tasks: new TaskStore(sessions, tasks, (task) => webhooks.notify(task)),
    rounds: new RoundStore(rounds),
    agents: new AgentStore(agents),
    webhooks,
    secrets: new SealedSecrets(config, credential),
    audit,
    idempotency: new IdempotencyStore(requests),
    state: { plans, outcomes, reports },
    stateBlobs: blobs,
    packageBlobs: blobs,
    regionalBlobs: new Map(),
    queues,
    keys: new ContentKeys(config, credential, (use) => audit.add(unwrapEntry(use))),
    destination: new SharePointDestination(credential, new ThrottleStore(destinations), {
      tenantUrl: config.SHAREPOINT_URL,
    }),
    slots: new JobSlots(destinations, slotLimits(config)),
    async messages(queue = "work-default") {
      const receiver =
        receivers.get(queue) ?? listener.createReceiver(queue, { receiveMode: "receiveAndDelete" });
      receivers.set(queue, receiver);
      const found = await receiver.receiveMessages(50, { maxWaitTimeInMs: 300 });
      return found.map(({ body }) => body);
    },
    async close() {
      await Promise.all([queues.close(), listener.close()]);
    },
  };
}
