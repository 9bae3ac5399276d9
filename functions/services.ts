import { app } from "@azure/functions";
import { DefaultAzureCredential } from "@azure/identity";
import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import { type Config, readConfig } from "./config.ts";
import { SharePointDestination } from "./destinations/sharePoint.ts";
import { WorkQueues } from "./queues/workQueues.ts";
import { ContentKeys, unwrapEntry } from "./security/contentKeys.ts";
import { redacted } from "./security/redacted.ts";
import { SealedSecrets } from "./security/sealedSecrets.ts";
import { sharePointCredential } from "./security/sharePointCredential.ts";
import { Admission } from "./stores/admission.ts";
import { AgentStore } from "./stores/agents.ts";
import { AuditStore } from "./stores/audit.ts";
import { openTable } from "./stores/documents.ts";
import { IdempotencyStore } from "./stores/idempotency.ts";
import { JobSlots, slotLimits } from "./stores/jobSlots.ts";
import { RoundStore } from "./stores/rounds.ts";
import { SettingsStore } from "./stores/settings.ts";
import { TaskStore } from "./stores/tasks.ts";
import { ThrottleStore } from "./stores/throttle.ts";
import { Tombstones } from "./stores/tombstones.ts";
import { WakeUps } from "./stores/wakeUps.ts";
import { WebhookStore } from "./stores/webhooks.ts";

/** Everything the triggers need, built once per process from the settings. */
export interface Services {
  config: Config;
  settings: SettingsStore;
  tasks: TaskStore;
  /** Which tasks have their turn. */
  admission: Admission;
  /** When tasks have to be looked at. */
  wakeUps: WakeUps;
  tombstones: Tombstones;
  rounds: RoundStore;
  agents: AgentStore;
  audit: AuditStore;
  webhooks: WebhookStore;
  /** Secrets that have to be stored, sealed by the key vault. */
  secrets: SealedSecrets;
  idempotency: IdempotencyStore;
  /** Plans, upload results, outcomes and reports of all rounds. */
  state: { plans: ContainerClient; outcomes: ContainerClient; reports: ContainerClient };
  stateBlobs: BlobServiceClient;
  packageBlobs: BlobServiceClient;
  /** Storage for packages near other geographies of the tenant, by host of the destination. */
  regionalBlobs: ReadonlyMap<string, BlobServiceClient>;
  queues: WorkQueues;
  keys: ContentKeys;
  destination: SharePointDestination;
  /** How many import jobs are at SharePoint. */
  slots: JobSlots;
}

let built: Promise<Services> | undefined;

/** The process's services. A failed start is tried again by the next caller. */
export function services(): Promise<Services> {
  built ??= build(readConfig(process.env)).catch((error: unknown) => {
    built = undefined;
    throw error;
  });
  return built;
}

app.hook.appTerminate(async () => {
  const running = await built?.catch(() => undefined);
  await running?.queues.close();
});

async function build(config: Config): Promise<Services> {
  const stateBlobs = BlobServiceClient.fromConnectionString(config.STATE_STORAGE_CONNECTION);
  const table = (name: string) =>
    openTable(config.STATE_STORAGE_CONNECTION, `${config.TABLE_PREFIX}${name}`);
  const container = async (name: string) => {
    const client = stateBlobs.getContainerClient(name);
    await client.createIfNotExists();
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
  const credential = new DefaultAzureCredential();
  const webhooks = new WebhookStore(hooks);
  const audit = new AuditStore(trail);
  return {
    config,
    settings: new SettingsStore(sessions),
    admission: new Admission(tasks),
    wakeUps: new WakeUps(tasks),
    tombstones: new Tombstones(tasks),
    tasks: new TaskStore(sessions, tasks, (task) => webhooks.notify(task).catch(notifyFailed)),
    rounds: new RoundStore(rounds),
    agents: new AgentStore(agents),
    webhooks,
    secrets: new SealedSecrets(config, credential),
    audit,
    idempotency: new IdempotencyStore(requests),
    state: { plans, outcomes, reports },
    stateBlobs,
    packageBlobs: BlobServiceClient.fromConnectionString(config.PACKAGE_STORAGE_CONNECTION),
    regionalBlobs: regionalBlobs(config),
    queues: new WorkQueues(config),
    keys: new ContentKeys(config, credential, (use) => audit.add(unwrapEntry(use))),
    destination: new SharePointDestination(
      sharePointCredential(config, credential),
      new ThrottleStore(destinations),
      {
        tenantUrl: config.SHAREPOINT_URL,
      },
    ),
    slots: new JobSlots(destinations, slotLimits(config)),
  };
}

/** The change of state stands; webhooks are told of it with the task's next one, or when it is taken off the active list. */
const notifyFailed = (error: unknown) =>
  console.error(JSON.stringify({ event: "notify-failed", message: redacted(String(error)) }));
const regionalBlobs = (config: Config): ReadonlyMap<string, BlobServiceClient> =>
  new Map(
    Object.entries(config.PACKAGE_STORAGE_BY_HOST).map(([host, connection]) => [
      host,
      BlobServiceClient.fromConnectionString(connection),
    ]),
  );
