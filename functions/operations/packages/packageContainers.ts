import { randomUUID } from "node:crypto";
import { type BlobServiceClient, ContainerClient, RestError } from "@azure/storage-blob";
import { z } from "zod";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { PackageRecord, Target } from "../../domain/records.ts";
import { sasUrl } from "../../security/sas.ts";
import { seal, unseal } from "../../security/sealedText.ts";
import type { Services } from "../../services.ts";
import type { PackageRef } from "../../stores/rounds/refs.ts";

type Storage = Pick<Services, "packageBlobs" | "regionalBlobs" | "keys" | "destination" | "config">;
type Made = { [K in "containers" | "key"]: NonNullable<PackageRecord[K]> };

/** A package's two containers as those see them who have a part in it. */
export interface OpenContainers {
  key: Buffer;
  /** Where the agent writes contents; says no more than the agent needs. */
  forAgent(): Promise<string>;
  /** Where manifests go and logs come from. */
  manifests: ContainerClient;
  /** Throws CONTAINER_EXPIRED or CONTAINER_REFUSED when what SharePoint lent takes nothing any more. */
  check(): Promise<void>;
  forSharePoint(): Promise<{ dataUrl: string; manifestUrl: string }>;
  /** Where SharePoint reports the job to, if the package has a queue. */
  queueUrl?: string;
}

const sealedSchema = z.object({
  dataUrl: z.string().optional(),
  manifestUrl: z.string().optional(),
  queueUrl: z.string().optional(),
});
type Sealed = z.infer<typeof sealedSchema>;

/**
 * Containers for one attempt, never used twice, and the key for them: in own storage, in the account for the destination's
 * geography, or lent by SharePoint. The key is wrapped at once, and what SharePoint gives, URLs that whoever reads them may use, is
 * sealed with it.
 */
export async function makeContainers(app: Storage, ref: PackageRef, target: Target): Promise<Made> {
  const { keys, destination, config } = app;
  const queueUrl =
    config.JOB_NEWS === "queue" ? await destination.provisionQueue(target) : undefined;
  if (config.CONTAINERS === "sharepoint") {
    const given = await destination.provisionContainers(target);
    const { dataUrl, manifestUrl, key } = given;
    return {
      key: await keys.wrap(key, Date.now()),
      containers: {
        ...{ data: nameIn(dataUrl), manifest: nameIn(manifestUrl), lent: true },
        ...(queueUrl && { queue: true }),
        sealed: seal(key, JSON.stringify({ dataUrl, manifestUrl, queueUrl } satisfies Sealed)),
      },
    };
  }
  const storage = geographyOf(app, target);
  const blobs = accountOf(app, { storage });
  const name = `${ref.taskId}-${randomUUID().slice(0, 18)}`;
  const containers = { data: `${name}-d`, manifest: `${name}-m` };
  // By this the retention timer knows them, days or months later.
  const about = {
    ...{ longshore: config.TABLE_PREFIX, task: ref.taskId },
    ...{ round: `${ref.round}`, segment: `${ref.segment}` },
  };
  const [key] = await Promise.all([
    keys.create(Date.now()),
    blobs.createContainer(containers.data, { metadata: about }),
    blobs.createContainer(containers.manifest, { metadata: about }),
  ]);
  return {
    key,
    containers: {
      ...containers,
      ...(storage !== undefined && { storage }),
      ...(queueUrl && {
        queue: true,
        sealed: seal(
          await keys.unwrap(key, Date.now(), ref),
          JSON.stringify({ queueUrl } satisfies Sealed),
        ),
      }),
    },
  };
}

/**
 * The containers of the package's attempt. Throws CONTAINER_EXPIRED when its key is not given out any more, which is when their SAS
 * have ended, too.
 */
export async function openContainers(
  app: Storage,
  ref: PackageRef,
  { key: stored, containers }: Pick<PackageRecord, "key" | "containers">,
): Promise<OpenContainers> {
  if (!stored || !containers) throw new Error(`package ${ref.segment} has lost its containers`);
  const key = await app.keys.unwrap(stored, Date.now(), ref);
  const { dataUrl, manifestUrl, queueUrl }: Sealed =
    containers.sealed === undefined
      ? {}
      : sealedSchema.parse(JSON.parse(unseal(key, containers.sealed)));
  const news = queueUrl === undefined ? {} : { queueUrl };
  if (dataUrl && manifestUrl) {
    const check = () => guardLent(stored, () => probe(dataUrl));
    return {
      ...{ key, ...news, check },
      forAgent: () => check().then(() => dataUrl),
      manifests: new ContainerClient(manifestUrl),
      forSharePoint: async () => ({ dataUrl, manifestUrl }),
    };
  }
  const blobs = accountOf(app, containers);
  const data = blobs.getContainerClient(containers.data);
  const manifests = blobs.getContainerClient(containers.manifest);
  const now = Date.now();
  return {
    ...{ key, ...news, manifests },
    check: async () => undefined,
    forAgent: () => sasUrl(data, "agentWrites", now),
    forSharePoint: async () => ({
      dataUrl: await sasUrl(data, "sharePointReadsData", now),
      manifestUrl: await sasUrl(manifests, "sharePointReadsManifest", now),
    }),
  };
}

/**
 * The host under which there is storage near the destination. Every geography of a tenant has hosts of its own, one for sites and
 * one for OneDrives (MS docs: Microsoft 365 Multi-Geo); who names storage for the sites means the OneDrives, too.
 */
function geographyOf(
  { regionalBlobs }: Pick<Storage, "regionalBlobs">,
  { origin }: Target,
): string | undefined {
  const host = new URL(origin).hostname.toLowerCase();
  return [host, host.replace(/-my(?=\.)/, "")].find((each) => regionalBlobs.has(each));
}

/** The own account that holds the containers. */
export function accountOf(
  { packageBlobs, regionalBlobs }: Pick<Services, "packageBlobs" | "regionalBlobs">,
  { storage }: { storage?: string | undefined },
): BlobServiceClient {
  return (storage !== undefined ? regionalBlobs.get(storage) : undefined) ?? packageBlobs;
}

/** SharePoint does not say how long it lends a container; sooner than this its refusal has another reason. */
const LENT_AT_LEAST_MS = 3_600_000;

/**
 * Does something with the containers of a package that SharePoint lends. That they may not be used any more is
 * CONTAINER_EXPIRED, which is no failure of the attempt. That they may not be used yet, or no longer than minutes, is
 * CONTAINER_REFUSED, which is one: it could go on like that for ever.
 */
export async function guardLent<T>(
  key: NonNullable<PackageRecord["key"]>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RestError) || (error.statusCode !== 403 && error.statusCode !== 401))
      throw error;
    const isYoung = Date.now() - Date.parse(key.createdAt) < LENT_AT_LEAST_MS;
    throw new LongshoreError(
      isYoung ? "CONTAINER_REFUSED" : "CONTAINER_EXPIRED",
      `the storage of the package refused: HTTP ${error.statusCode}`,
    );
  }
}

/** There is no such blob, which only says so who may look. */
async function probe(url: string): Promise<void> {
  const client = new ContainerClient(url).getBlobClient("nothing");
  await client.getProperties().catch((error: unknown) => {
    if (!(error instanceof RestError) || error.statusCode !== 404) throw error;
  });
}

const nameIn = (url: string) => new URL(url).pathname.split("/").at(-1) ?? "";

/**
 * Notes that containers which SharePoint lent are left to it: their SAS may read and write, not delete, and what is
 * overwritten lives on in its snapshots (MS docs: migration-azure). What is in them is encrypted with a key that ends with the
 * package's row, and SharePoint removes them 30 to 90 days after the job.
 */
export async function leaveLent(
  { audit }: Pick<Services, "audit">,
  { taskId, round, segment }: PackageRef,
  containers: PackageRecord["containers"],
): Promise<void> {
  if (!containers?.lent) return;
  for (const container of [containers.data, containers.manifest])
    await audit.add({
      ...{ actor: "system", actorId: "system", role: "system", status: 200 },
      action: "leaveLentContainer",
      ids: { task: taskId, round: `R${round}`, package: `${segment}`, container },
    });
}
