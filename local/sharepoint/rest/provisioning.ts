import { randomBytes, randomUUID } from "node:crypto";
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobServiceClient,
  ContainerSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  SASProtocol,
  type StorageSharedKeyCredential,
} from "@azure/storage-blob";

const PREFIX = "spo-";
/** A job that was taken in time can still be read and logged to for so long. */
const SERVICE_SECONDS = 3 * 24 * 3600;
const QUEUE_SAS_VERSION = "2018-03-28";

export type Provisioning = ReturnType<typeof provisioning>;

/** Makes containers and queues in the simulator's own storage account, as SharePoint does in Microsoft's. */
export function provisioning(connectionString: string) {
  const service = BlobServiceClient.fromConnectionString(connectionString);
  const credential = service.credential as StorageSharedKeyCredential;
  const isHttps = service.url.startsWith("https:");
  const queues = /QueueEndpoint=([^;]+)/i.exec(connectionString)?.[1]?.replace(/\/$/, "");
  const queueService = queues ?? service.url.replace(".blob.", ".queue.").replace(/\/$/, "");

  const validity = (seconds: number) => ({
    startsOn: new Date(Date.now() - 60_000),
    expiresOn: new Date(Date.now() + seconds * 1000),
    ...(isHttps ? { protocol: SASProtocol.Https } : {}),
  });
  const withSas = (container: string, permissions: string, seconds: number) => {
    const granted = ContainerSASPermissions.parse(permissions);
    const scope = { containerName: container, permissions: granted, ...validity(seconds) };
    const sas = generateBlobSASQueryParameters(scope, credential);
    return `${service.getContainerClient(container).url}?${sas}`;
  };
  const createContainer = async (seconds: number) => {
    const container = `${PREFIX}${randomUUID()}`;
    await service.createContainer(container);
    // Read and write, no list: what the caller gets from SharePoint.
    return withSas(container, "rw", seconds);
  };
  const nameOf = (uri: URL) => uri.pathname.replace(/\/$/, "").split("/").at(-1) ?? "";

  /** A service SAS of a queue; MS docs "Create a service SAS": the fields of the string to sign, one a line. */
  const queueSas = (queue: string, permissions: string, seconds: number) => {
    const { startsOn, expiresOn } = validity(seconds);
    const time = (date: Date) => date.toISOString().replace(/\.\d+/, "");
    const query = {
      sp: permissions,
      st: time(startsOn),
      se: time(expiresOn),
      spr: isHttps ? "https" : "https,http",
      sv: QUEUE_SAS_VERSION,
    };
    const resource = `/queue/${service.accountName}/${queue}`;
    const { sp, st, se, spr, sv } = query;
    const toSign = [sp, st, se, resource, "", "", spr, sv].join("\n");
    return new URLSearchParams({ ...query, sig: credential.computeHMACSHA256(toSign) });
  };

  return {
    async provisionContainers(seconds: number) {
      const [DataContainerUri, MetadataContainerUri] = await Promise.all([
        createContainer(seconds),
        createContainer(seconds),
      ]);
      const EncryptionKey = randomBytes(32).toString("base64");
      return { DataContainerUri, MetadataContainerUri, EncryptionKey };
    },
    /** The URL of a new queue, with the right to read and to delete messages. */
    async provisionQueue(seconds: number): Promise<string> {
      const url = `${queueService}/${PREFIX}${randomUUID()}`;
      const sas = generateAccountSASQueryParameters(
        {
          services: AccountSASServices.parse("q").toString(),
          resourceTypes: AccountSASResourceTypes.parse("c").toString(),
          permissions: AccountSASPermissions.parse("c"),
          ...validity(60),
        },
        credential,
      );
      const response = await fetch(`${url}?${sas}`, { method: "PUT" });
      if (!response.ok) throw new Error(`no queue could be made: HTTP ${response.status}`);
      return `${url}?${queueSas(nameOf(new URL(url)), "raup", seconds)}`;
    },
    owns: (uri: URL) =>
      nameOf(uri).startsWith(PREFIX) &&
      [service.url, queueService].some((owned) => uri.href.startsWith(owned)),
    /** The same container as the service itself sees it: it may list. */
    serviceUri: (uri: URL) => withSas(nameOf(uri), "rlw", SERVICE_SECONDS),
  };
}
