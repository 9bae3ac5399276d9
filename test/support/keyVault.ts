import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagedIdentityCredential } from "@azure/identity";
import { CryptographyClient, KeyClient, type KeyVaultKey } from "@azure/keyvault-keys";
import { afterAll, beforeAll } from "@jest/globals";
import { type KeyVault, startKeyVault } from "../../local/key-vault/vault.ts";

/* Importing this gives a suite a vault of its own, and the environment of an app that finds it. */

export const SECRET = "the-identity-secret";
/** Clients that do not retry, so that errors show. A process would trust the certificate by NODE_EXTRA_CA_CERTS. */
export const optionsFor = ({ certificateFile }: Pick<KeyVault, "certificateFile">) => ({
  disableChallengeResourceVerification: true,
  tlsOptions: { ca: readFileSync(certificateFile, "utf8") },
  retryOptions: { maxRetries: 0 },
});
export const dataDirectory = mkdtempSync(join(tmpdir(), "key-vault-"));
export const contentKey = randomBytes(32);
export let vault: KeyVault;
export let options: ReturnType<typeof optionsFor>;
export let keys: KeyClient;

/** Tokens straight from a vault's endpoint: the SDK's credentials keep to the first endpoint that a process used. */
export const credentialOf = ({ identityUrl }: KeyVault) => ({
  async getToken(scopes: string | string[]) {
    const url = `${identityUrl}?api-version=2019-08-01&resource=${[scopes].flat()[0]}`;
    const response = await fetch(url, { headers: { "x-identity-header": SECRET } });
    const { access_token, expires_on } = (await response.json()) as Record<string, string>;
    return { token: `${access_token}`, expiresOnTimestamp: Number(expires_on) * 1_000 };
  },
});

beforeAll(async () => {
  vault = await startKeyVault({ dataDirectory, identitySecret: SECRET });
  process.env.IDENTITY_ENDPOINT = vault.identityUrl;
  process.env.IDENTITY_HEADER = SECRET;
  options = optionsFor(vault);
  keys = new KeyClient(vault.url, new ManagedIdentityCredential(), options);
});
afterAll(async () => {
  await vault.close();
  delete process.env.IDENTITY_ENDPOINT;
  delete process.env.IDENTITY_HEADER;
  rmSync(dataDirectory, { recursive: true });
});

export const crypto = (key: KeyVaultKey | string) =>
  new CryptographyClient(key as string, new ManagedIdentityCredential(), options);
export const idOf = (key: KeyVaultKey) => key.id as string;
export const versionOf = (key: KeyVaultKey) => key.properties.version as string;
export const collect = async <T>(items: AsyncIterable<T>) => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};
