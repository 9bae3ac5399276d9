import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AzureNamedKeyCredential, TableClient } from "@azure/data-tables";
import { CryptographyClient } from "@azure/keyvault-keys";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { identityToken } from "./identity.ts";

/** What an operator has who holds the account key and may use the key vault: the parts of a data folder that run. */
export interface OpenData {
  blobs: BlobServiceClient;
  table(name: string): TableClient;
  /** Unwraps a package's content key in the vault. */
  unwrap(keyId: string, wrapped: Buffer): Promise<Buffer>;
}

export function openData(data: string): OpenData {
  const ports = readJson(join(data, "ports.json"));
  const { storageAccount, storageKey } = readJson(join(data, "secrets.json"));
  const url = (part: string) => `http://127.0.0.1:${ports[part]}/${storageAccount}`;
  const credential = {
    getToken: (scopes: string | string[]) =>
      identityToken(data, String([scopes].flat()[0]).replace(/\/\.default$/, "")),
  };
  const ca = readFileSync(join(data, "tls", "certificate.pem"));
  return {
    blobs: new BlobServiceClient(
      url("azurite-blob"),
      new StorageSharedKeyCredential(storageAccount, storageKey),
    ),
    table: (name) =>
      new TableClient(
        url("azurite-table"),
        name,
        new AzureNamedKeyCredential(storageAccount, storageKey),
        { allowInsecureConnection: true },
      ),
    async unwrap(keyId, wrapped) {
      const client = new CryptographyClient(keyId, credential, {
        // The vault is 127.0.0.1, not a host of the domain that its challenge names.
        disableChallengeResourceVerification: true,
        tlsOptions: { ca },
      });
      return Buffer.from((await client.unwrapKey("RSA-OAEP-256", wrapped)).result);
    },
  };
}

const readJson = (file: string) => JSON.parse(readFileSync(file, "utf8"));
