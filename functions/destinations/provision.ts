import { z } from "zod";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Target } from "../domain/records.ts";
import type { SharePointHttp } from "./http.ts";
import { expectAnswer } from "./odata.ts";
import { siteOf } from "./urls.ts";

/** Containers that SharePoint lends for one job, with the key that only the caller keeps. */
export interface ProvidedContainers {
  /** URLs with a SAS that may read and write, neither list nor delete. */
  dataUrl: string;
  manifestUrl: string;
  key: Buffer;
}

const containersSchema = z
  .object({
    DataContainerUri: z.url(),
    // The prose of the docs has the shorter name, the wire the longer one.
    MetadataContainerUri: z.url().optional(),
    MetadataContainer: z.url().optional(),
    EncryptionKey: z.base64(),
  })
  .transform(({ DataContainerUri, MetadataContainerUri, MetadataContainer, EncryptionKey }) => ({
    dataUrl: withoutPort(DataContainerUri),
    manifestUrl: withoutPort(MetadataContainerUri ?? MetadataContainer ?? ""),
    key: Buffer.from(EncryptionKey, "base64"),
  }));
const queueSchema = z
  .object({ JobQueueUri: z.url() })
  .transform(({ JobQueueUri }) => withoutPort(JobQueueUri));

/** Hosts come with an explicit ":443", which some clients sign or compare wrongly; the rest has to stay as it is. */
const withoutPort = (url: string) => url.replace(/^(https:\/\/[^/?]+):443(?=[/?])/, "$1");

export async function provisionContainers(
  http: SharePointHttp,
  target: Target,
): Promise<ProvidedContainers> {
  const what = "SharePoint's containers for the package";
  const answer = await http.post(`${siteOf(target)}/_api/site/ProvisionMigrationContainers`, {});
  const given = expectAnswer(answer, containersSchema, what);
  if (given.key.length === 32 && given.manifestUrl) return given;
  throw new LongshoreError("INTERNAL", `${what}: the key or a container is missing`);
}

/** URL of a queue, with a SAS, that SharePoint reports a job to. */
export async function provisionQueue(http: SharePointHttp, target: Target): Promise<string> {
  const answer = await http.post(`${siteOf(target)}/_api/site/ProvisionMigrationQueue`, {});
  return expectAnswer(answer, queueSchema, "SharePoint's queue for the package");
}
