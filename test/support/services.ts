import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { KeyClient } from "@azure/keyvault-keys";
import type { ServiceBusReceiver } from "@azure/service-bus";
import { composeServices } from "../../functions/composition.ts";
import { type Config, readConfig } from "../../functions/config.ts";
import type { Services } from "../../functions/services.ts";
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

/**
 * `queues`: storage has them, too, so that SharePoint can lend one. `identity`: the app opens storage under its own identity and has no
 * key of it. `settings`: of the app, besides those it needs.
 */
export async function startSurroundings({
  queues = false,
  identity = false,
  settings = {} as Record<string, string>,
} = {}): Promise<Surroundings> {
  const data = mkdtempSync(join(tmpdir(), "longshore-"));
  const library = join(data, "library");
  const tlsFolder = join(data, "tls");
  const certificate = await openCertificate(tlsFolder);
  // Not beside those of earlier surroundings of this process: they have the same name, and OpenSSL takes the first that has.
  tls.setDefaultCACertificates([...tls.getCACertificates("bundled"), certificate.cert]);
  const storage = await startStorage({ queues, ...(identity && { certificate: tlsFolder }) });
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
  const credential = credentialOf(vault);
  await new KeyClient(vault.url, credential, {
    disableChallengeResourceVerification: true,
  }).createRsaKey("package-keys", { keySize: 2048 });
  const bus = (policy: string) =>
    `Endpoint=sb://127.0.0.1:${broker.port};SharedAccessKeyName=${policy};SharedAccessKey=${policy}-key;UseDevelopmentEmulator=true`;
  const config = readConfig({
    STATE_STORAGE_CONNECTION: identity ? storage.endpoints : storage.connection,
    PACKAGE_STORAGE_CONNECTION: identity ? storage.endpoints : storage.connection,
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
  const { credential } = surroundings;
  const config = { ...surroundings.config, TABLE_PREFIX: uniquePrefix(), TASKS_AT_ONCE: 1_000 };
  // Jest 30 cannot require() what is being imported at the same time; that SDK is CommonJS, the others are not.
  const { ServiceBusClient } = await import("@azure/service-bus");
  const { WorkQueues } = await import("../../functions/queues/workQueues.ts");
  const queues = new WorkQueues(config);
  const listener = new ServiceBusClient(config.AGENT_SERVICE_BUS_CONNECTION);
  const receivers = new Map<string, ServiceBusReceiver>();
  const services = await composeServices(config, {
    ...{ credential, sharePoint: credential, queues },
    containerPrefix: `${config.TABLE_PREFIX.toLowerCase()}-`,
  });
  return {
    ...services,
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
