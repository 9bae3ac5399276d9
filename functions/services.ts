import { app } from "@azure/functions";
import { DefaultAzureCredential } from "@azure/identity";
import type { BlobServiceClient, ContainerClient } from "@azure/storage-blob";
import { composeServices } from "./composition.ts";
import { type Config, readConfig } from "./config.ts";
import type { SharePointDestination } from "./destinations/sharePoint.ts";
import { WorkQueues } from "./queues/workQueues.ts";
import type { ContentKeys } from "./security/contentKeys.ts";
import type { SealedSecrets } from "./security/sealedSecrets.ts";
import { sharePointCredential } from "./security/sharePointCredential.ts";
import type { Admission } from "./stores/admission.ts";
import type { AgentStore } from "./stores/agents.ts";
import type { AuditStore } from "./stores/audit.ts";
import type { IdempotencyStore } from "./stores/idempotency.ts";
import type { JobSlots } from "./stores/jobSlots.ts";
import type { RoundStore } from "./stores/rounds.ts";
import type { SettingsStore } from "./stores/settings.ts";
import type { TaskStore } from "./stores/tasks.ts";
import type { Tombstones } from "./stores/tombstones.ts";
import type { WakeUps } from "./stores/wakeUps.ts";
import type { WebhookStore } from "./stores/webhooks.ts";

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
  const credential = new DefaultAzureCredential();
  return composeServices(config, {
    credential,
    sharePoint: sharePointCredential(config, credential),
    queues: new WorkQueues(config, credential),
  });
}
