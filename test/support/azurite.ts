import {
  BlobServiceClient,
  type ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  type StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { startStorage } from "./storage.ts";

export interface Azurite {
  connection: string;
  service: BlobServiceClient;
  /** A new container. */
  container(name: string): Promise<ContainerClient>;
  /** URL of the container with a SAS of these rights ("cw": create and write). */
  sasUrl(container: ContainerClient, permissions: string, expires?: Date): string;
  stop(): Promise<void>;
}

/** Starts Azurite for tests that need blobs and no tables. */
export async function startAzurite({ queues = false } = {}): Promise<Azurite> {
  const { connection, stop } = await startStorage({ tables: false, queues });
  const service = BlobServiceClient.fromConnectionString(connection);
  return {
    ...{ connection, service, stop },
    async container(name) {
      const container = service.getContainerClient(name);
      await container.createIfNotExists();
      return container;
    },
    sasUrl(container, permissions, expiresOn = new Date(Date.now() + 3_600_000)) {
      const sas = generateBlobSASQueryParameters(
        {
          containerName: container.containerName,
          permissions: ContainerSASPermissions.parse(permissions),
          expiresOn,
        },
        service.credential as StorageSharedKeyCredential,
      );
      return `${container.url}?${sas}`;
    },
  };
}
