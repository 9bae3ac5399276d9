import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { promisify } from "node:util";
import { badParameter, forbidden } from "./errors.ts";
import type { KeyVersion } from "./key-store.ts";

const PADDING = constants.RSA_PKCS1_OAEP_PADDING;
const ALGORITHMS: Record<string, { padding: number; oaepHash: string }> = {
  "RSA-OAEP-256": { padding: PADDING, oaepHash: "sha256" },
  "RSA-OAEP": { padding: PADDING, oaepHash: "sha1" },
};
const generate = promisify(generateKeyPair);

export const unixNow = (): number => Math.floor(Date.now() / 1_000);

export type VersionOptions = Pick<
  KeyVersion,
  "keySize" | "operations" | "enabled" | "notBefore" | "expires" | "tags"
>;

export async function newVersion(options: VersionOptions): Promise<KeyVersion> {
  const { publicKey, privateKey } = await generate("rsa", { modulusLength: options.keySize });
  const { n, e } = publicKey.export({ format: "jwk" }) as { n: string; e: string };
  return {
    ...options,
    version: randomBytes(16).toString("hex"),
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    n,
    e,
    created: unixNow(),
    updated: unixNow(),
  };
}

/** Encrypts a small key, base64url in and out, with the public key. */
export function wrap(key: KeyVersion, algorithm: string, value: string): string {
  checkUse(key, "wrapKey");
  const now = unixNow();
  if (now < (key.notBefore ?? now) || now >= (key.expires ?? Infinity))
    throw forbidden("Operation wrapKey is not allowed on an expired or not yet valid key.");
  const { publicKey } = keyObjects(key);
  return transform(algorithm, value, (options, bytes) =>
    publicEncrypt({ key: publicKey, ...options }, bytes),
  );
}

/**
 * Decrypts what `wrap` made. Allowed on expired and not yet valid keys, or what they once wrapped would be lost
 * (MS docs: key-vault, about-keys-details, "Not-yet-valid and expired keys").
 */
export function unwrap(key: KeyVersion, algorithm: string, value: string): string {
  checkUse(key, "unwrapKey");
  const { privateKey } = keyObjects(key);
  return transform(algorithm, value, (options, bytes) =>
    privateDecrypt({ key: privateKey, ...options }, bytes),
  );
}

function checkUse(key: KeyVersion, operation: "wrapKey" | "unwrapKey"): void {
  if (!key.enabled)
    throw forbidden(`Operation ${operation} is not allowed on a disabled key.`, "KeyDisabled");
  if (!key.operations.includes(operation))
    throw forbidden(`Operation ${operation} is not permitted on this key: see its key_ops.`);
}

function transform(
  algorithm: string,
  value: string,
  run: (options: { padding: number; oaepHash: string }, bytes: Buffer) => Buffer,
): string {
  const options = ALGORITHMS[algorithm];
  if (!options)
    throw badParameter(
      `alg: '${algorithm}' is not supported; use ${Object.keys(ALGORITHMS).join(" or ")}.`,
    );
  try {
    return run(options, Buffer.from(value, "base64url")).toString("base64url");
  } catch {
    // One answer for every cause: what is wrong with a ciphertext is nobody's business.
    throw badParameter("value: it does not fit the key and the algorithm.");
  }
}

/** Parsing a key takes longer than using it. */
const parsed = new Map<string, { privateKey: KeyObject; publicKey: KeyObject }>();
function keyObjects(key: KeyVersion) {
  let objects = parsed.get(key.version);
  if (!objects) {
    const privateKey = createPrivateKey(key.privateKey);
    objects = { privateKey, publicKey: createPublicKey(privateKey) };
    parsed.set(key.version, objects);
  }
  return objects;
}
