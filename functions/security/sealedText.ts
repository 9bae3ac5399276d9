import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/**
 * Text that must not lie in clear in a table, such as a URL with a SAS, sealed with a package's content key: who may not unwrap
 * the key cannot read it. A key of its own is derived, because SharePoint knows the content key. AES-256-GCM; base64 of nonce,
 * tag and ciphertext.
 */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const derived = (key: Uint8Array) =>
  Buffer.from(hkdfSync("sha256", key, new Uint8Array(), "longshore sealed text", 32));

export function seal(key: Uint8Array, text: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", derived(key), nonce);
  const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), data]).toString("base64");
}

/** Throws when the text was sealed with another key or was changed. */
export function unseal(key: Uint8Array, sealed: string): string {
  const bytes = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv("aes-256-gcm", derived(key), bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const data = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  return Buffer.concat([decipher.update(data), decipher.final()]).toString("utf8");
}
