import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

/** Host keys, as in the `azure-webjobs-secrets` container of a real app. */
export interface HostKeys {
  /** Opens everything. */
  master: string;
  /** The default host key: opens every function with authLevel `function`. */
  functions: string;
  /** Further host keys by name, which open the same; whoever wants some writes them into the file. */
  further?: Record<string, string>;
  /** System key of the Durable extension: opens its webhooks only. */
  durable: string;
}

export type KeyLevel = "anonymous" | "function" | "system" | "admin";

/**
 * The keys of a data directory; made on the first start and the same ever after, even when the task hub is thrown away. Only
 * the owner of the file can read them.
 */
export function loadKeys(file: string): HostKeys {
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  const create = () => randomBytes(40).toString("base64url");
  const keys = { master: create(), functions: create(), durable: create() };
  // Renamed into place: a crash leaves no half a file.
  writeFileSync(`${file}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return keys;
}

/** What a presented key may open. */
export function levelOf(presented: string | undefined, keys: HostKeys): KeyLevel {
  if (!presented) return "anonymous";
  if (isSame(presented, keys.master)) return "admin";
  const functionKeys = [keys.functions, ...Object.values(keys.further ?? {})];
  if (functionKeys.some((key) => isSame(presented, key))) return "function";
  return isSame(presented, keys.durable) ? "system" : "anonymous";
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
