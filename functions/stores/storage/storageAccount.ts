import { TableClient } from "@azure/data-tables";
import type { TokenCredential } from "@azure/identity";
import { BlobServiceClient } from "@azure/storage-blob";

/** A storage account as the app opens it. */
export interface StorageAccount {
  blobs(): BlobServiceClient;
  table(name: string): TableClient;
}

interface Endpoints {
  blob: string;
  /** Unknown where a setting only names another blob endpoint. */
  table?: string | undefined;
}

/**
 * What a setting says of a storage account: a connection string with a key, or only where the account is, and then the app opens
 * it as itself (its managed identity, by roles): the URL of its blob service, or a connection string without a key. Undefined when
 * it is neither.
 */
export function readAccount(
  setting: string,
): { connection: string } | { endpoints: Endpoints } | undefined {
  if (/(^|;)(AccountKey|SharedAccessSignature)=.|^UseDevelopmentStorage=true/i.test(setting))
    return { connection: setting };
  const endpoints = /^https:\/\//i.test(setting) ? fromUrl(setting) : fromParts(setting);
  // Storage takes no token over http, and the SDK gives it none.
  const isUsable = [endpoints.blob, endpoints.table ?? endpoints.blob].every(
    (url) => URL.canParse(url) && url.startsWith("https:"),
  );
  return isUsable ? { endpoints } : undefined;
}

function fromUrl(url: string): Endpoints {
  const blob = url.replace(/\/+$/, "");
  return { blob, table: blob.includes(".blob.") ? blob.replace(".blob.", ".table.") : undefined };
}

function fromParts(setting: string): Endpoints {
  const part = (name: string) =>
    new RegExp(`(?:^|;)${name}=([^;]+)`, "i").exec(setting)?.[1]?.replace(/\/+$/, "");
  const account = part("AccountName");
  const suffix = part("EndpointSuffix") ?? "core.windows.net";
  const of = (service: string) =>
    part(`${service}Endpoint`) ??
    (account && `https://${account}.${service.toLowerCase()}.${suffix}`);
  return { blob: of("Blob") ?? "", table: of("Table") };
}

/** Throws for a setting that `readAccount` does not understand. */
export function openAccount(setting: string, credential: TokenCredential): StorageAccount {
  const account = readAccount(setting);
  if (!account) throw new Error(STORAGE_SETTING);
  if ("connection" in account) {
    const { connection } = account;
    return {
      blobs: () => BlobServiceClient.fromConnectionString(connection),
      table: (name) => tableOf(connection, name),
    };
  }
  const { blob, table } = account.endpoints;
  return {
    blobs: () => new BlobServiceClient(blob, credential),
    table(name) {
      if (table === undefined) throw new Error(`${blob} does not tell where its tables are`);
      return new TableClient(table, name, credential);
    },
  };
}

export const STORAGE_SETTING =
  "must be a connection string, or the https URL of the account's blob service, which the app then opens under its own identity";

/** A table of an account that is opened with a key. */
export const tableOf = (connection: string, name: string): TableClient =>
  TableClient.fromConnectionString(connection, name, {
    // Only a connection string that says http gets http.
    allowInsecureConnection: /DefaultEndpointsProtocol=http;|TableEndpoint=http:/i.test(connection),
  });
