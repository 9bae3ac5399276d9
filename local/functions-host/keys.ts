import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readIfThere, writeDurably } from "../private-files.ts";

/**
 * Keys by name, as `keys.json` has them: `master` opens everything, `durable` (the system key of the Durable extension) its
 * webhooks. Every other one is a host key, which opens all functions with authLevel `function`; they see which one was sent.
 */
export type HostKeys = Record<"master" | "default" | "durable", string> & Record<string, string>;

export type KeyLevel = "anonymous" | "function" | "system" | "admin";

const newKey = (): string => randomBytes(40).toString("base64url");

/**
 * The keys of a data directory; what is missing is made on the first start and stays, even when the task hub is thrown away.
 * More host keys may be written into the file.
 */
export function loadKeys(file: string): HostKeys {
  const known = JSON.parse(readIfThere(file) ?? "{}");
  const keys = { master: newKey(), default: newKey(), durable: newKey(), ...known };
  saveKeys(file, keys);
  return keys;
}

/** Sets a host key, by default to a new value; returns the value. */
export function setHostKey(file: string, keys: HostKeys, name: string, value = newKey()): string {
  keys[name] = value;
  saveKeys(file, keys);
  return value;
}

/** What a presented key may open. */
export function levelOf(presented: string | undefined, keys: HostKeys): KeyLevel {
  if (!presented) return "anonymous";
  const name = Object.keys(keys).find((each) => isSame(presented, keys[each] ?? ""));
  if (name === undefined) return "anonymous";
  return name === "master" ? "admin" : name === "durable" ? "system" : "function";
}

const saveKeys = (file: string, keys: HostKeys): void =>
  writeDurably(file, `${JSON.stringify(keys, null, 2)}\n`);

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
