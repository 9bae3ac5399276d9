import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type SealedSecrets = ReturnType<typeof sealedSecrets>;

/**
 * Seals what a job needs again after a crash (content key, SAS URLs) with a random key that only the owner of the data
 * folder can read. AES-256-GCM; a sealed value is nonce (12 bytes), tag (16), ciphertext.
 */
export function sealedSecrets(dataFolder: string) {
  const file = join(dataFolder, "job-secrets.key");
  if (!existsSync(file)) writeFileSync(file, randomBytes(32), { mode: 0o600, flag: "wx" });
  const key = readFileSync(file);

  return {
    seal(value: unknown): Buffer {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const sealed = Buffer.concat([cipher.update(JSON.stringify(value), "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
    },
    open<T>(sealed: Uint8Array): T {
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12));
      decipher.setAuthTag(sealed.subarray(12, 28));
      const plain = Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
      return JSON.parse(plain.toString("utf8")) as T;
    },
  };
}
