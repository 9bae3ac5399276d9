import { EventEmitter } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openCertificate } from "./certificate.ts";
import { ensurePackageKey } from "./package-key.ts";
import {
  apiUrl,
  certificateFolder,
  functionsHostPart,
  keyVaultPart,
  type LocalLibrary,
  type Machine,
  PINNED_PORTS,
  PORT_NAMES,
  serviceBusPart,
  sharePointPart,
  siteUrl,
  storageParts,
} from "./parts.ts";
import { loadSecrets } from "./secrets.ts";
import { lockFolder } from "./supervisor/lock.ts";
import { stopOrphans } from "./supervisor/orphans.ts";
import type { PartDefinition } from "./supervisor/part.ts";
import { choosePorts } from "./supervisor/ports.ts";
import { openRunRecord, readRunRecord } from "./supervisor/run-record.ts";
import { createSupervisor, type SupervisorEvent } from "./supervisor/supervisor.ts";

export interface MachineOptions {
  /** Everything that is kept lies below this folder. */
  data: string;
  /** How the command calls itself, for those who find the folder locked. */
  holder: string;
  libraries: readonly LocalLibrary[];
  /** Port of the API, when the caller wants a certain one. */
  port?: number;
  /** Tells people what happens, a line at a time. */
  say: (line: string) => void;
  onEvent: (event: SupervisorEvent) => void;
  signal: AbortSignal;
}

/** Azure and SharePoint, as far as the product needs them, on this machine. */
export interface RunningMachine {
  apiUrl: string;
  /** The functions key that opens the HTTP API; a new one after the task hub was forgotten. */
  adminKey(): string;
  siteUrl(site: string): string;
  start(parts: readonly PartDefinition[]): Promise<void>;
  /**
   * Calls back whenever the task hub was forgotten and tasks in progress have to be run again: at once if the last run was
   * killed, and after every restart of all parts.
   */
  onWorkForgotten(callback: () => void): void;
  /** Rejects with a CommandError when a part is given up. */
  readonly givenUp: Promise<never>;
  stop(): Promise<void>;
}

/**
 * Starts every part but the agents and returns when the API answers. When it throws, nothing of it is left running.
 * Takes the data folder for itself until `stop`.
 */
export async function startMachine(options: MachineOptions): Promise<RunningMachine> {
  const lock = lockFolder(options.data, options.holder);
  bypassProxies();
  try {
    return await startLocked(options, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(options: MachineOptions, release: () => void): Promise<RunningMachine> {
  const { data, libraries, port, say, onEvent, signal } = options;
  const recordFile = join(data, "running.json");
  const afterUncleanEnd = await tidyUp(data, recordFile, say);
  for (const folder of STATE_FOLDERS)
    mkdirSync(join(data, folder), { recursive: true, mode: 0o700 });

  await openCertificate(certificateFolder({ data })); // Here, because two parts will want it at once.

  const ports = await choosePorts(join(data, "ports.json"), PORT_NAMES, {
    pinned: PINNED_PORTS,
    ...(port !== undefined && { fixed: { "functions-host": port } }),
  });
  const machine: Machine = {
    data,
    ports,
    secrets: loadSecrets(join(data, "secrets.json")),
    libraries,
  };
  const record = openRunRecord(recordFile);
  const workForgotten = new EventEmitter();
  const supervisor = createSupervisor({
    logs: join(data, "logs"),
    record,
    onEvent(event) {
      onEvent(event);
      if (event.kind === "all-restarted") workForgotten.emit("forgotten");
    },
    beforeAllRestart: () => forgetRunningWork(data),
  });
  const stop = async () => {
    if (await supervisor.stop()) record.markClean();
    release();
  };
  signal.addEventListener("abort", () => void supervisor.stop(), { once: true });
  try {
    await supervisor.start([
      ...storageParts(machine),
      serviceBusPart(machine),
      keyVaultPart(machine),
    ]);
    await Promise.all([
      ensurePackageKey(machine),
      supervisor.start([sharePointPart(machine), functionsHostPart(machine)]),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    apiUrl: apiUrl(machine),
    adminKey: () => readAdminKey(data),
    siteUrl: (site) => siteUrl(machine, site),
    start: supervisor.start,
    onWorkForgotten(callback) {
      workForgotten.on("forgotten", callback);
      if (afterUncleanEnd) callback();
    },
    givenUp: supervisor.givenUp,
    stop,
  };
}

const STATE_FOLDERS = [
  "azurite-blob",
  "azurite-queue",
  "azurite-table",
  "service-bus",
  "key-vault",
  "sharepoint",
  "functions-host",
  "agents",
  "logs",
];

/** Puts the folder in order after a run that was killed: ends what it left behind, and forgets what storage may not know. */
async function tidyUp(
  data: string,
  recordFile: string,
  say: (line: string) => void,
): Promise<boolean> {
  const left = readRunRecord(recordFile);
  if (!left) return false;
  say("The last run did not end cleanly; its work goes on from what storage has of it.");
  const stopped = await stopOrphans(left);
  if (stopped.length > 0) say(`Stopped what it had left running: ${stopped.join(", ")}.`);
  forgetRunningWork(data);
  return true;
}

/**
 * Deletes the task hub and the messages. A killed Azurite may have lost the writes of its last five seconds, which these
 * two remember. The tables are the truth: whoever runs the task again starts its round from them.
 */
function forgetRunningWork(data: string): void {
  for (const folder of ["functions-host", "service-bus"].map((name) => join(data, name))) {
    for (const file of readdirSync(folder)) {
      if (/\.db(-\w+)?$/.test(file)) rmSync(join(folder, file));
    }
  }
}

/** Proxies are for the world outside; the SDKs would send 127.0.0.1 through them, too. */
function bypassProxies(): void {
  for (const name of ["NO_PROXY", "no_proxy"]) {
    const others = process.env[name];
    process.env[name] = others ? `127.0.0.1,localhost,${others}` : "127.0.0.1,localhost";
  }
}

function readAdminKey(data: string): string {
  const file = join(data, "functions-host", "keys.json");
  return JSON.parse(readFileSync(file, "utf8")).default;
}
