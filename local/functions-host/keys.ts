import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import type { Store } from "./durable/store.ts";

/** Host keys, as in the `azure-webjobs-secrets` container of a real app. */
export interface HostKeys {
  /** Opens everything. */
  master: string;
  /** The default host key: opens every function with authLevel `function`. */
  functions: string;
  /** System key of the Durable extension: opens its webhooks only. */
  durable: string;
}

export type KeyLevel = "anonymous" | "function" | "system" | "admin";

/** The keys of this data directory; made on the first start and the same ever after. */
export function loadKeys(store: Store): HostKeys {
  const saved = store.readValue<HostKeys>("keys");
  if (saved) return saved;
  const create = () => randomBytes(40).toString("base64url");
  const keys = { master: create(), functions: create(), durable: create() };
  store.writeValue("keys", keys);
  return keys;
}

/** Writes the keys where the owner of the machine, and nobody else, can read them. */
export function exportKeys(keys: HostKeys, file: string): void {
  writeFileSync(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
}

/** What a presented key may open. */
export function levelOf(presented: string | undefined, keys: HostKeys): KeyLevel {
  if (!presented) return "anonymous";
  if (isSame(presented, keys.master)) return "admin";
  if (isSame(presented, keys.functions)) return "function";
  return isSame(presented, keys.durable) ? "system" : "anonymous";
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
