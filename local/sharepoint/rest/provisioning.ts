import { randomBytes, randomUUID } from "node:crypto";
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  type StorageSharedKeyCredential,
} from "@azure/storage-blob";

/** SharePoint does not say how long its SAS lasts. */
const LIFETIME_MS = 3 * 24 * 3600 * 1000;
const PREFIX = "spo-";

export type Provisioning = ReturnType<typeof provisioning>;

/** Makes containers in the simulator's own storage account, as SharePoint does in Microsoft's. */
export function provisioning(connectionString: string) {
  const service = BlobServiceClient.fromConnectionString(connectionString);
  const credential = service.credential as StorageSharedKeyCredential;

  const withSas = (container: string, permissions: string) => {
    const sas = generateBlobSASQueryParameters(
      {
        containerName: container,
        permissions: ContainerSASPermissions.parse(permissions),
        startsOn: new Date(Date.now() - 60_000),
        expiresOn: new Date(Date.now() + LIFETIME_MS),
        ...(service.url.startsWith("https:") ? { protocol: SASProtocol.Https } : {}),
      },
      credential,
    );
    return `${service.getContainerClient(container).url}?${sas}`;
  };
  const create = async () => {
    const container = `${PREFIX}${randomUUID()}`;
    await service.createContainer(container);
    // Read and write, no list: what the caller gets from SharePoint.
    return withSas(container, "rw");
  };
  const nameOf = (uri: URL) => uri.pathname.replace(/\/$/, "").split("/").at(-1) ?? "";

  return {
    async provision() {
      const [DataContainerUri, MetadataContainerUri] = await Promise.all([create(), create()]);
      return {
        DataContainerUri,
        MetadataContainerUri,
        EncryptionKey: randomBytes(32).toString("base64"),
      };
    },
    owns: (uri: URL) =>
      uri.href.startsWith(service.getContainerClient(PREFIX).url) && nameOf(uri).startsWith(PREFIX),
    /** The same container as the service itself sees it: it may list. */
    serviceUri: (uri: URL) => withSas(nameOf(uri), "rlw"),
  };
}
