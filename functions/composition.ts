import type { TokenCredential } from "@azure/identity";
import type { BlobServiceClient } from "@azure/storage-blob";
import type { Config } from "./config.ts";
import { SharePointDestination } from "./destinations/sharePoint.ts";
import type { WorkQueues } from "./queues/workQueues.ts";
import { ContentKeys, unwrapEntry } from "./security/contentKeys.ts";
import { redacted } from "./security/redacted.ts";
import { SealedSecrets } from "./security/sealedSecrets.ts";
import type { Services } from "./services.ts";
import { Admission } from "./stores/admission.ts";
import { AgentStore } from "./stores/agents.ts";
import { AuditStore } from "./stores/audit.ts";
import { IdempotencyStore } from "./stores/idempotency.ts";
import { JobSlots, slotLimits } from "./stores/jobSlots.ts";
import { RoundStore } from "./stores/rounds.ts";
import { SettingsStore } from "./stores/settings.ts";
import { openTable } from "./stores/storage/documents.ts";
import { openAccount } from "./stores/storage/storageAccount.ts";
import { TaskStore } from "./stores/tasks.ts";
import { ThrottleStore } from "./stores/throttle.ts";
import { Tombstones } from "./stores/tombstones.ts";
import { WakeUps } from "./stores/wakeUps.ts";
import { WebhookStore } from "./stores/webhooks.ts";

/** What the services are given from outside: who they are, and the way to the agents. */
export interface Outside {
  credential: TokenCredential;
  sharePoint: TokenCredential;
  queues: WorkQueues;
  /** Put in front of the names of containers, for several apps in one account. */
  containerPrefix?: string;
}

/** Opens tables and containers, and puts the services together. */
export async function composeServices(config: Config, outside: Outside): Promise<Services> {
  const { credential, sharePoint, queues, containerPrefix = "" } = outside;
  const state = openAccount(config.STATE_STORAGE_CONNECTION, credential);
  const stateBlobs = state.blobs();
  const table = (name: string) => openTable(state, `${config.TABLE_PREFIX}${name}`);
  const container = async (name: string) => {
    const client = stateBlobs.getContainerClient(`${containerPrefix}${name}`);
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
    packageBlobs: openAccount(config.PACKAGE_STORAGE_CONNECTION, credential).blobs(),
    regionalBlobs: regionalBlobs(config, credential),
    queues,
    keys: new ContentKeys(config, credential, (use) => audit.add(unwrapEntry(use))),
    destination: new SharePointDestination(sharePoint, new ThrottleStore(destinations), {
      tenantUrl: config.SHAREPOINT_URL,
    }),
    slots: new JobSlots(destinations, slotLimits(config)),
  };
}

/** The change of state stands; webhooks are told of it with the task's next one, or when it is taken off the active list. */
const notifyFailed = (error: unknown) =>
  console.error(JSON.stringify({ event: "notify-failed", message: redacted(String(error)) }));

const regionalBlobs = (
  config: Config,
  credential: TokenCredential,
): ReadonlyMap<string, BlobServiceClient> =>
  new Map(
    Object.entries(config.PACKAGE_STORAGE_BY_HOST).map(([host, connection]) => [
      host,
      openAccount(connection, credential).blobs(),
    ]),
  );
