import { randomBytes } from "node:crypto";
import { DefaultAzureCredential, ManagedIdentityCredential } from "@azure/identity";
import { KeyClient } from "@azure/keyvault-keys";
import { describe, expect, it } from "@jest/globals";
import { createRemoteJWKSet, jwtVerify } from "jose";
import {
  collect,
  contentKey,
  crypto,
  idOf,
  keys,
  options,
  vault,
  versionOf,
} from "../../test/support/keyVault.ts";

describe("keys", () => {
  it("01 createRsaKey with size, operations and tags", async () => {
    const key = await keys.createRsaKey("created", {
      keySize: 3_072,
      keyOps: ["wrapKey", "unwrapKey"],
      tags: { a: "b" },
    });
    expect(key).toMatchObject({
      name: "created",
      keyType: "RSA",
      keyOperations: ["wrapKey", "unwrapKey"],
      properties: {
        vaultUrl: vault.url,
        version: expect.stringMatching(/^[0-9a-f]{32}$/),
        enabled: true,
        tags: { a: "b" },
        createdOn: expect.any(Date),
        recoveryLevel: "Recoverable+Purgeable",
      },
    });
    expect(key.key?.n).toHaveLength(384);
  });

  it("02 getKey, current and by version, whatever the letter case of the name", async () => {
    const key = await keys.createRsaKey("got");
    expect((await keys.getKey("got")).id).toBe(key.id);
    expect((await keys.getKey("GOT")).id).toBe(key.id);
    expect((await keys.getKey("got", { version: versionOf(key) })).id).toBe(key.id);
  });

  it("03, 04 RSA-OAEP-256 wraps by key and unwraps by key id", async () => {
    const key = await keys.createRsaKey("wrapping");
    const wrapped = await crypto(key).wrapKey("RSA-OAEP-256", contentKey);
    expect(wrapped.keyID).toBe(key.id);
    expect(wrapped.result).toHaveLength(256);
    const { result } = await crypto(idOf(key)).unwrapKey("RSA-OAEP-256", wrapped.result);
    expect(Buffer.from(result)).toEqual(contentKey);
  });

  it("05 RSA-OAEP is wrapped by the SDK itself and unwrapped here", async () => {
    const client = crypto(await keys.createRsaKey("oaep"));
    const wrapped = await client.wrapKey("RSA-OAEP", contentKey);
    const { result } = await client.unwrapKey("RSA-OAEP", wrapped.result);
    expect(Buffer.from(result)).toEqual(contentKey);
  });

  it("05b what does not fit is BadParameter", async () => {
    const client = crypto(idOf(await keys.createRsaKey("strict")));
    await expect(client.unwrapKey("RSA-OAEP-256", randomBytes(256))).rejects.toMatchObject({
      statusCode: 400,
      code: "BadParameter",
    });
    await expect(client.wrapKey("RSA-OAEP-256", randomBytes(300))).rejects.toMatchObject({
      statusCode: 400,
    });
    await expect(client.unwrapKey("A128KW", contentKey)).rejects.toThrow("RSA-OAEP-256");
    await expect(keys.createEcKey("curve")).rejects.toThrow("only RSA keys");
  });

  it("06 after rotateKey the new version wraps and the old one still unwraps", async () => {
    const old = await keys.createRsaKey("rotating", { tags: { a: "b" } });
    const wrapped = await crypto(old).wrapKey("RSA-OAEP-256", contentKey);
    const rotated = await keys.rotateKey("rotating");
    expect(rotated.id).not.toBe(old.id);
    expect(rotated.properties.tags).toEqual({ a: "b" });
    expect((await keys.getKey("rotating")).id).toBe(rotated.id);
    const { result } = await crypto(idOf(old)).unwrapKey("RSA-OAEP-256", wrapped.result);
    expect(Buffer.from(result)).toEqual(contentKey);
    const wrong = crypto(idOf(rotated)).unwrapKey("RSA-OAEP-256", wrapped.result);
    await expect(wrong).rejects.toMatchObject({ statusCode: 400 });
  });

  it("07 versions are listed page by page", async () => {
    await keys.createRsaKey("versions");
    for (let i = 0; i < 4; i++) await keys.rotateKey("versions");
    const pages = keys.listPropertiesOfKeyVersions("versions").byPage({ maxPageSize: 2 });
    const sizes = (await collect(pages)).map((page) => page.length);
    expect(sizes).toEqual([2, 2, 1]);
    const versions = await collect(keys.listPropertiesOfKeyVersions("versions"));
    expect(new Set(versions.map(({ version }) => version)).size).toBe(5);
  });

  it("08 keys are listed", async () => {
    await keys.createRsaKey("listed");
    const names = (await collect(keys.listPropertiesOfKeys())).map(({ name }) => name);
    expect(names).toContain("listed");
  });

  it("09 a disabled version neither wraps nor unwraps until it is enabled again", async () => {
    const key = await keys.createRsaKey("disabling");
    const client = crypto(idOf(key));
    const { result } = await client.wrapKey("RSA-OAEP-256", contentKey);
    const disabled = await keys.updateKeyProperties("disabling", versionOf(key), {
      enabled: false,
    });
    expect(disabled.properties.enabled).toBe(false);
    // A client that knows the key refuses by itself; a fresh one by id asks the vault.
    for (const use of [client, crypto(idOf(key))]) {
      await expect(use.wrapKey("RSA-OAEP-256", contentKey)).rejects.toThrow();
      await expect(use.unwrapKey("RSA-OAEP-256", result)).rejects.toMatchObject({
        statusCode: 403,
        code: "Forbidden",
        details: { error: { innerError: { code: "KeyDisabled" } } },
      });
    }
    await keys.updateKeyProperties("disabling", versionOf(key), { enabled: true });
    const unwrapped = await crypto(idOf(key)).unwrapKey("RSA-OAEP-256", result);
    expect(Buffer.from(unwrapped.result)).toEqual(contentKey);
  });

  it("10 an expired or not yet valid key still unwraps, but does not wrap", async () => {
    const key = await keys.createRsaKey("expiring");
    const { result } = await crypto(key).wrapKey("RSA-OAEP-256", contentKey);
    const yesterday = new Date(Date.now() - 86_400_000);
    const tomorrow = new Date(Date.now() + 86_400_000);
    for (const times of [{ expiresOn: yesterday }, { expiresOn: tomorrow, notBefore: tomorrow }]) {
      const { properties } = await keys.updateKeyProperties("expiring", versionOf(key), times);
      expect(properties.expiresOn?.getTime()).toBe(
        Math.floor(times.expiresOn.getTime() / 1_000) * 1_000,
      );
      // With what it knew of the key before: a client that has seen the times refuses both by itself.
      const client = crypto(key);
      await expect(client.wrapKey("RSA-OAEP-256", contentKey)).rejects.toMatchObject({
        statusCode: 403,
        code: "Forbidden",
      });
      const unwrapped = await client.unwrapKey("RSA-OAEP-256", result);
      expect(Buffer.from(unwrapped.result)).toEqual(contentKey);
      await expect(crypto(idOf(key)).unwrapKey("RSA-OAEP-256", result)).rejects.toThrow();
    }
  });

  it("10b an operation that is not among the key's is refused", async () => {
    const key = await keys.createRsaKey("wrap-only", { keyOps: ["wrapKey"] });
    const client = crypto(idOf(key));
    const { result } = await client.wrapKey("RSA-OAEP-256", contentKey);
    await expect(client.unwrapKey("RSA-OAEP-256", result)).rejects.toThrow();
  });

  it("11 a missing key is KeyNotFound", async () => {
    const missing = { statusCode: 404, code: "KeyNotFound" };
    await expect(keys.getKey("nope")).rejects.toMatchObject(missing);
    await keys.createRsaKey("there");
    await expect(keys.getKey("there", { version: "0".repeat(32) })).rejects.toMatchObject(missing);
  });

  it("11b a name that no key can have is BadParameter", async () => {
    for (const name of ["with_underscore", "a.b", "x".repeat(128)])
      await expect(keys.createRsaKey(name)).rejects.toMatchObject({
        statusCode: 400,
        code: "BadParameter",
      });
  });

  it("12b a key that was deleted by mistake is listed, recovered, and unwraps again", async () => {
    const key = await keys.createRsaKey("missed");
    const wrapped = await crypto(key).wrapKey("RSA-OAEP-256", contentKey);
    await (await keys.beginDeleteKey("missed")).pollUntilDone();
    const deleted = await collect(keys.listDeletedKeys());
    expect(deleted.map(({ name }) => name)).toContain("missed");
    const poller = await keys.beginRecoverDeletedKey("missed", { intervalInMs: 20 });
    expect((await poller.pollUntilDone()).id).toBe(key.id);
    const { result } = await crypto(key).unwrapKey("RSA-OAEP-256", wrapped.result);
    expect(Buffer.from(result)).toEqual(contentKey);
  });

  it("12 delete, name held back, purge", async () => {
    await keys.createRsaKey("mortal");
    const deleted = await (await keys.beginDeleteKey("mortal")).pollUntilDone();
    expect(deleted.properties).toMatchObject({
      recoveryId: `${vault.url}/deletedkeys/mortal`,
      deletedOn: expect.any(Date),
      scheduledPurgeDate: expect.any(Date),
    });
    await expect(keys.getKey("mortal")).rejects.toMatchObject({ statusCode: 404 });
    await expect(keys.createRsaKey("mortal")).rejects.toMatchObject({ statusCode: 409 });
    await keys.purgeDeletedKey("mortal");
    await expect(keys.getDeletedKey("mortal")).rejects.toMatchObject({ statusCode: 404 });
    await keys.createRsaKey("mortal");
  });

  it("13 a token that is forged or for another resource is 401", async () => {
    const elsewhere = await new ManagedIdentityCredential().getToken(
      "https://storage.azure.com/.default",
    );
    for (const token of ["a.b.c", elsewhere.token]) {
      const credential = {
        getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
      };
      const client = new KeyClient(vault.url, credential, options);
      await expect(client.getKey("listed")).rejects.toMatchObject({ statusCode: 401 });
    }
  });
});

describe("managed identity", () => {
  it.each(["https://contoso.sharepoint.com", "http://127.0.0.1:5555"])(
    "14 tokens for %s are verified with the published key",
    async (resource) => {
      const { token } = await new DefaultAzureCredential().getToken(`${resource}/.default`);
      const { payload, protectedHeader } = await jwtVerify(
        token,
        createRemoteJWKSet(new URL(vault.jwksUrl)),
        { audience: resource, algorithms: ["RS256"] },
      );
      expect(payload).toMatchObject({ oid: "longshore-app", appid: "longshore-app" });
      expect(protectedHeader.kid).toBeDefined();
    },
  );

  it("a user-assigned identity is named by its client id", async () => {
    const credential = new ManagedIdentityCredential({
      clientId: "11111111-2222-3333-4444-555555555555",
    });
    const { token } = await credential.getToken("https://contoso.sharepoint.com/.default");
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(vault.jwksUrl)));
    expect(payload.appid).toBe("11111111-2222-3333-4444-555555555555");
  });

  it("tells nothing without the secret, and publishes no private key", async () => {
    const url = `${vault.identityUrl}?resource=https://vault.azure.net&api-version=2019-08-01`;
    const statuses = [];
    for (const headers of [{}, { "x-identity-header": "wrong" }])
      statuses.push((await fetch(url, { headers: headers as Record<string, string> })).status);
    expect(statuses).toEqual([401, 401]);
    const { keys: published } = (await (await fetch(vault.jwksUrl)).json()) as { keys: object[] };
    expect(published.map((key) => Object.keys(key).sort())).toEqual([
      ["alg", "e", "kid", "kty", "n", "use"],
    ]);
  });
});
