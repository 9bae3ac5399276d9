/**
 * Conformance suite of the host: the fixture app runs in a child process and is looked at only from
 * outside, over HTTP, through SDK clients, and in the journal that its functions write. The number of
 * a test is its check in our list of what the real host does.
 *
 * Left out:
 * - 14 (429 over a request limit), 16 (per-function keys): not built, a local host has one caller.
 * - 39 (entity locks): not built, rare and a fifth of the code of entities; durable-functions refuses `lock` by itself.
 * - 47, the part about rewind: answers 501 as with storage providers other than Azure Storage.
 * - 52 (entity batch limit): not visible to the app that runs here.
 * - 61, 70 (kill -9 inside a fan-out of 5000, time budgets): too long or too machine-dependent for a
 *   suite; scripts/storm and scripts/bench have them, and 60 kills in the same way at smaller scale.
 * - 65 (lock renewal): belongs to the SDK client, and needs locks of real length.
 * - 68 (the same through the real worker process), 69 (quirks of durable-functions): not host behaviour.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostKeys } from "../keys.ts";

const here = import.meta.dirname;
const MAIN = path.join(here, "..", "main.ts");
export const FIXTURE = path.join(here, "..", "fixture");

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any;
}

export interface Status {
  instanceId: string;
  runtimeStatus: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the orchestration returned
  output: any;
  customStatus: unknown;
}

/** The Durable API; requests to it carry its key. */
export const WEBHOOKS = "/runtime/webhooks/durabletask";
const FINISHED = ["Completed", "Failed", "Terminated"];

/** A host process over one of the fixture apps, and shorthands to talk to it. */
export class TestHost {
  readonly url: string;
  readonly process: ChildProcess;
  readonly workspace: string;
  readonly #app: string;
  readonly #log: () => string;

  constructor(
    url: string,
    process: ChildProcess,
    place: { workspace: string; app: string },
    log: () => string,
  ) {
    this.url = url;
    this.process = process;
    this.workspace = place.workspace;
    this.#app = place.app;
    this.#log = log;
  }

  get dataDirectory(): string {
    return path.join(this.workspace, "data");
  }

  get keys(): HostKeys {
    return JSON.parse(readFileSync(path.join(this.dataDirectory, "keys.json"), "utf8"));
  }

  /** The lines that the fixture's functions wrote, over all restarts. */
  journal(prefix = ""): string[] {
    const file = path.join(this.workspace, "journal");
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return text.split("\n").filter((line) => line !== "" && line.startsWith(prefix));
  }

  /** The log entries of this process. */
  logs(): { level: string; category?: string; function?: string; message: string }[] {
    const lines = this.#log().split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  async request(
    method: string,
    target: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const url = target.startsWith("http") ? target : this.url + target;
    const json =
      body === undefined || body instanceof Uint8Array ? undefined : JSON.stringify(body);
    const response = await fetch(url, {
      method,
      headers: {
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...(target.startsWith(WEBHOOKS) ? { "x-functions-key": this.keys.durable } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: json ?? (body as Uint8Array<ArrayBuffer>) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: tryParse(text) };
  }

  get(target: string, headers?: Record<string, string>): Promise<Answer> {
    return this.request("GET", target, undefined, headers);
  }

  post(target: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.request("POST", target, body, headers);
  }

  /** Starts an orchestration through the SDK client; the answer is the check-status payload. */
  async start(name: string, input?: unknown, id?: string): Promise<Record<string, string>> {
    const query = id ? `?id=${encodeURIComponent(id)}` : "";
    const answer = await this.post(`/api/start/${name}${query}`, input);
    if (answer.status !== 202) throw new Error(`start ${name}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  /** Waits until an instance is finished, or as the test wants it. */
  async until(
    id: string | undefined,
    reached: (status: Status) => boolean = (s) => FINISHED.includes(s.runtimeStatus),
  ): Promise<Status> {
    const target = `${WEBHOOKS}/instances/${encodeURIComponent(id ?? "")}`;
    for (const end = Date.now() + 20_000; ; await sleep(15)) {
      const { json, text } = await this.get(target);
      if (json && reached(json)) return json;
      if (Date.now() > end) throw new Error(`instance ${id} did not get there, last seen: ${text}`);
    }
  }

  async run(name: string, input?: unknown): Promise<Status> {
    return this.until((await this.start(name, input)).id);
  }

  /** An operation of the SDK's client, by its name in the fixture. */
  client(operation: string, id = "-", query = "", body?: unknown): Promise<Answer> {
    return this.post(`/api/client/${operation}/${id}${query}`, body);
  }

  /** Sends a signal and resolves with the exit code (or the signal that killed it). */
  async kill(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string | null> {
    const { process } = this;
    if (process.exitCode !== null || process.signalCode !== null) return process.exitCode;
    return new Promise((resolve) => {
      process.once("exit", (code, by) => resolve(code ?? by));
      process.kill(signal);
    });
  }

  /** Starts a new process on the same data. */
  async restart(env: Record<string, string> = {}): Promise<TestHost> {
    await this.kill();
    return launch(this.workspace, this.#app, env);
  }

  async dispose(): Promise<void> {
    await this.kill("SIGKILL");
    rmSync(this.workspace, { recursive: true, force: true });
  }
}

/** Starts a host on an empty data directory; `env` reaches the fixture and overrides host.json. */
export function startTestHost(env: Record<string, string> = {}, app = FIXTURE): Promise<TestHost> {
  return launch(mkdtempSync(path.join(os.tmpdir(), "functions-host-")), app, env);
}

async function launch(
  workspace: string,
  app: string,
  env: Record<string, string>,
): Promise<TestHost> {
  const settings = { FIXTURE_JOURNAL: path.join(workspace, "journal"), ...env };
  const child = spawnHost(path.join(workspace, "data"), settings, app);
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").once("data", (line: string) => {
      resolve((JSON.parse(line) as { url: string }).url);
    });
    child.once("exit", (code) => reject(new Error(`the host exited with ${code}: ${log}`)));
  });
  return new TestHost(url, child, { workspace, app }, () => log);
}

/** The bare process, for tests of a start that fails. */
export function spawnHost(
  dataDirectory: string,
  env: Record<string, string> = {},
  app = FIXTURE,
): ChildProcess {
  const args = [MAIN, "--app", app, "--data", dataDirectory];
  return spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      TICK_SCHEDULE: "* * * * * *",
      "AzureWebJobs.switchedOff.Disabled": "true",
      ...env,
    },
  });
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
