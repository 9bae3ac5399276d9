import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { afterAll, describe, expect, it } from "@jest/globals";
import { createRemoteJWKSet, jwtVerify } from "jose";
import {
  collect,
  contentKey,
  credentialOf,
  dataDirectory,
  optionsFor,
  SECRET,
  vault,
  versionOf,
} from "../../test/support/keyVault.ts";
import type { KeyVault } from "./vault.ts";

describe("the process", () => {
  const MAIN = new URL("./main.ts", import.meta.url).pathname;
  const directory = join(dataDirectory, "process");
  let child: ChildProcess;

  async function start(): Promise<KeyVault & { pid: number }> {
    child = spawn(process.execPath, [MAIN, "--data", directory, "--port", "0"], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, IDENTITY_HEADER: SECRET, LOG_LEVEL: "error" },
    });
    const [line] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    return JSON.parse(line.toString());
  }

  async function stop(signal: NodeJS.Signals): Promise<unknown> {
    const exited = once(child, "exit");
    child.kill(signal);
    return (await exited)[0];
  }

  afterAll(async () => {
    if (child.exitCode === null && child.signalCode === null) await stop("SIGKILL");
  });

  it("keeps keys and tokens over kill -9, in files that only the owner can read", async () => {
    const first = await start();
    expect(first).toEqual({
      ready: true,
      url: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      identityUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/msi\/token$/),
      jwksUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/\.well-known\/jwks\.json$/),
      certificateFile: join(directory, "certificate.pem"),
      pid: child.pid,
    });
    const credential = credentialOf(first);
    const firstOptions = optionsFor(first);
    const before = new KeyClient(first.url, credential, firstOptions);
    const key = await before.createRsaKey("kept", { tags: { a: "b" } });
    const token = await credential.getToken("https://contoso.sharepoint.com/.default");
    const { result } = await new CryptographyClient(key, credential, firstOptions).wrapKey(
      "RSA-OAEP-256",
      contentKey,
    );
    await before.rotateKey("kept");
    await stop("SIGKILL");
    const modes = [directory, join(directory, "keys")].flatMap((path) => [
      statSync(path).mode & 0o777,
      ...readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => statSync(join(path, entry.name)).mode & 0o777),
    ]);
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600, 0o700, 0o600]);

    const second = await start();
    const newCredential = credentialOf(second);
    const after = new KeyClient(second.url, newCredential, optionsFor(second));
    expect(await collect(after.listPropertiesOfKeyVersions("kept"))).toHaveLength(2);
    const old = await after.getKey("kept", { version: versionOf(key) });
    expect(old.properties.tags).toEqual({ a: "b" });
    const client = new CryptographyClient(old, newCredential, optionsFor(second));
    const unwrapped = await client.unwrapKey("RSA-OAEP-256", result);
    expect(Buffer.from(unwrapped.result)).toEqual(contentKey);
    await jwtVerify(token.token, createRemoteJWKSet(new URL(second.jwksUrl)));
    expect(await stop("SIGTERM")).toBe(0);
  });

  it("serves an unchanged product process, given only its environment", async () => {
    const script = `
      import { DefaultAzureCredential } from "@azure/identity";
      import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
      const options = { disableChallengeResourceVerification: true };
      const credential = new DefaultAzureCredential();
      const key = await new KeyClient(process.env.VAULT, credential, options).createRsaKey("product");
      const client = new CryptographyClient(key.id, credential, options);
      const { result } = await client.wrapKey("RSA-OAEP-256", Buffer.from("secret"));
      console.log(Buffer.from((await client.unwrapKey("RSA-OAEP-256", result)).result).toString());`;
    const product = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        VAULT: vault.url,
        NODE_EXTRA_CA_CERTS: vault.certificateFile,
        IDENTITY_ENDPOINT: vault.identityUrl,
        IDENTITY_HEADER: SECRET,
      },
    });
    expect(await text(product.stdout)).toBe("secret\n");
  });

  it("does not start without the identity secret", async () => {
    const { IDENTITY_HEADER: _, ...env } = process.env;
    const refused = spawn(process.execPath, [MAIN, "--data", directory], {
      stdio: ["ignore", "ignore", "pipe"],
      env,
    });
    const exited = once(refused, "exit");
    const [log] = (await once(refused.stderr, "data")) as [Buffer];
    expect(log.toString()).toContain("IDENTITY_HEADER must be set");
    expect((await exited)[0]).toBe(1);
  });
});
