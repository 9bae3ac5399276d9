import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import {
  makePrivateDirectory,
  readIfThere,
  removeDurably,
  writeDurably,
} from "../private-files.ts";

export const OPERATIONS = ["wrapKey", "unwrapKey", "encrypt", "decrypt", "sign", "verify"] as const;

const versionSchema = z.object({
  /** 32 hexadecimal digits. */
  version: z.string(),
  /** PKCS#8. */
  privateKey: z.string(),
  /** Modulus and exponent as in a JWK. */
  n: z.string(),
  e: z.string(),
  keySize: z.number(),
  operations: z.array(z.enum(OPERATIONS)),
  enabled: z.boolean(),
  /** Unix seconds, as everywhere in this file. */
  notBefore: z.number().optional(),
  expires: z.number().optional(),
  created: z.number(),
  updated: z.number(),
  tags: z.record(z.string(), z.string()).optional(),
});

const keySchema = z.object({
  name: z.string(),
  /** Oldest first, never empty: the last one is the current one. */
  versions: z.array(versionSchema).min(1),
  /** Set while the key is deleted but can be recovered. */
  deleted: z.number().optional(),
});

export type KeyVersion = z.output<typeof versionSchema>;
export type StoredKey = z.output<typeof keySchema>;

export interface KeyStore {
  get(name: string): StoredKey | undefined;
  /** All keys by name, deleted ones too. */
  all(): StoredKey[];
  /** Returns when the key is on the disk. */
  put(key: StoredKey): void;
  remove(key: StoredKey): void;
}

/** Keys in memory, each written through to a file of its own. Names do not depend on letter case, as in Key Vault. */
export function openKeyStore(directory: string): KeyStore {
  makePrivateDirectory(directory);
  const fileOf = (name: string) => join(directory, `${name.toLowerCase()}.json`);
  const keys = new Map<string, StoredKey>();
  for (const file of readdirSync(directory)) {
    if (!file.endsWith(".json")) continue;
    const key = readKey(join(directory, file));
    keys.set(key.name.toLowerCase(), key);
  }
  return {
    get: (name) => keys.get(name.toLowerCase()),
    all: () => [...keys.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key),
    put(key) {
      writeDurably(fileOf(key.name), JSON.stringify(key, null, 2));
      keys.set(key.name.toLowerCase(), key);
    },
    remove(key) {
      removeDurably(fileOf(key.name));
      keys.delete(key.name.toLowerCase());
    },
  };
}

function readKey(file: string): StoredKey {
  try {
    return keySchema.parse(JSON.parse(readIfThere(file) ?? ""));
  } catch (error) {
    // The cause could quote the file, which holds a private key.
    throw new Error(`${file} is not a key file of this vault (${(error as Error).name}).`);
  }
}
