import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { DurableOptions } from "./durable/options.ts";

/** The parts of host.json that this host reads; everything else is accepted and ignored, as on Azure. */
export interface HostConfig {
  extensions?: {
    http?: { routePrefix?: string };
    durableTask?: Partial<DurableOptions>;
    serviceBus?: {
      autoCompleteMessages?: boolean;
      maxConcurrentCalls?: number;
      maxAutoLockRenewalDuration?: string;
    };
  };
  logging?: { logLevel?: Record<string, string> };
}

const OVERRIDE = "AzureFunctionsJobHost__";

/**
 * Reads host.json of an app. A setting `AzureFunctionsJobHost__a__b=value` replaces `a.b`
 * (MS docs: functions-host-json, "Override host.json values").
 */
export function readHostConfig(appDirectory: string, env: NodeJS.ProcessEnv): HostConfig {
  const file = path.join(appDirectory, "host.json");
  if (!existsSync(file)) throw new Error(`${file} is missing: every function app has a host.json`);
  const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith(OVERRIDE) && value !== undefined) {
      setPath(config, name.slice(OVERRIDE.length).split("__"), parseScalar(value));
    }
  }
  return config;
}

function setPath(target: Record<string, unknown>, keys: string[], value: unknown): void {
  const [head = "", ...rest] = keys;
  if (rest.length === 0) target[head] = value;
  else {
    target[head] ??= {};
    setPath(target[head] as Record<string, unknown>, rest, value);
  }
}

function parseScalar(value: string): unknown {
  return /^(true|false|-?\d+(\.\d+)?)$/i.test(value) ? JSON.parse(value.toLowerCase()) : value;
}

/** Replaces `%NAME%` by the setting of that name; an unknown setting is an error, as on Azure. */
export function expandSettings(text: string, env: NodeJS.ProcessEnv = process.env): string {
  return text.replace(/%([^%]+)%/g, (_, name: string) => {
    const value = env[name];
    if (value === undefined)
      throw new Error(`"${text}" needs the setting ${name}, which is not set`);
    return value;
  });
}

/** Milliseconds of a .NET TimeSpan such as `00:05:00` or `6.00:00:00`; undefined if it is none. */
export function parseTimeSpan(text: string): number | undefined {
  const match = /^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)$/.exec(text.trim());
  if (!match) return undefined;
  const [, days = "0", hours, minutes, seconds] = match;
  return (
    ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000
  );
}
