import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Role } from "../../shared/contracts/api.ts";
import { IDENTITY_SECRET, type Surroundings, startSurroundings } from "./services.ts";
import { uniquePrefix } from "./storage.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any;
}

export interface Request {
  /** Whose key is sent; an administrator's unless told otherwise, none for `null`. */
  as?: Role | null;
  headers?: Record<string, string>;
  /** Sent as JSON, unless it is text or bytes already. */
  body?: unknown;
}

/** The app in a Functions host of its own, on real storage, Service Bus, Key Vault and SharePoint, without an agent. */
export interface TestApi {
  /** Base of all routes: "http://127.0.0.1:1234/api/". */
  url: string;
  keys: Record<Role, string>;
  surroundings: Surroundings;
  tablePrefix: string;
  call(method: string, path: string, request?: Request): Promise<Answer>;
  get(path: string, request?: Request): Promise<Answer>;
  post(path: string, body?: unknown, request?: Request): Promise<Answer>;
  /** Reads the ETag of `path` and changes it with that. */
  change(method: "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<Answer>;
  /** Runs a timer now, and resolves when it has been started. */
  fire(timer: string): Promise<void>;
  /** What the host and the app have logged. */
  log(): string;
  /** Ends the host at once and starts it again on the same storage and task hub. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

type Settings = Record<string, string>;

/** Starts everything; `settings` replace those of the app. Takes a few seconds: once per suite. */
export async function startApi(
  settings: Settings | ((surroundings: Surroundings) => Settings) = {},
): Promise<TestApi> {
  const surroundings = await startSurroundings();
  const folder = mkdtempSync(join(tmpdir(), "longshore-api-"));
  const keys: Record<Role, string> = {
    reader: newKey(),
    operator: newKey(),
    administrator: newKey(),
  };
  const tablePrefix = uniquePrefix();
  const master = newKey();
  prepareFolder(folder, { ...keys, master });
  const environment = {
    ...settingsOf(surroundings),
    TABLE_PREFIX: tablePrefix,
    ROLE_KEYS: (["reader", "operator"] as const)
      .map((role) => `${sha256(keys[role])}:${role}:the ${role}`)
      .join(","),
    ...(typeof settings === "function" ? settings(surroundings) : settings),
  };
  const stopSurroundings = async () => {
    await surroundings.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  let host = await startHost(folder, environment).catch(async (error: unknown) => {
    await stopSurroundings();
    throw error;
  });

  const call: TestApi["call"] = async (
    method,
    path,
    { as = "administrator", headers, body } = {},
  ) => {
    const isReady = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(`${host.url}/api/${path}`, {
      method,
      headers: {
        ...(as && { "x-functions-key": keys[as] }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: (isReady ? body : JSON.stringify(body)) as string }),
      redirect: "manual",
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  };
  return {
    get url() {
      return `${host.url}/api/`;
    },
    ...{ keys, surroundings, tablePrefix, call },
    get: (path, request) => call("GET", path, request),
    post: (path, body, request) => call("POST", path, { ...request, body }),
    async change(method, path, body) {
      const etag = (await call("GET", path)).headers.get("etag") ?? "none";
      return call(method, path, { body, headers: { "if-match": etag } });
    },
    async fire(timer) {
      const headers = { "x-functions-key": master, "content-type": "application/json" };
      const url = `${host.url}/admin/functions/${timer}`;
      const { status } = await fetch(url, { method: "POST", headers, body: "{}" });
      if (status !== 202) throw new Error(`the timer ${timer} answered ${status}`);
    },
    log: () => host.log(),
    async killAndRestart() {
      await stopProcess(host.process, "SIGKILL");
      host = await startHost(folder, environment);
    },
    async stop() {
      await stopProcess(host.process, "SIGKILL");
      await stopSurroundings();
    },
  };
}

interface Host {
  url: string;
  process: ChildProcess;
  log(): string;
}

/** A folder for the host's data, and one that looks like the app: its sources, which Node runs as they are. */
function prepareFolder(
  folder: string,
  { administrator, ...further }: Record<Role | "master", string>,
): void {
  const app = join(folder, "app");
  const data = join(folder, "data");
  mkdirSync(app);
  mkdirSync(data);
  for (const name of ["functions", "host.json"])
    symlinkSync(join(repository, name), join(app, name));
  const manifest = { type: "module", main: "functions/index.ts" };
  writeFileSync(join(app, "package.json"), JSON.stringify(manifest));
  const hostKeys = { default: administrator, durable: newKey(), ...further };
  writeFileSync(join(data, "keys.json"), JSON.stringify(hostKeys), { mode: 0o600 });
}

async function startHost(folder: string, settings: Record<string, string>): Promise<Host> {
  const main = join(repository, "local/functions-host/main.ts");
  const child = spawn(
    process.execPath,
    [
      ...["--disable-warning=ExperimentalWarning", "--import", ENDS_WITH_US],
      ...[main, "--app", join(folder, "app"), "--data", join(folder, "data")],
    ],
    { stdio: ["pipe", "pipe", "pipe"], env: { PATH: process.env.PATH, ...settings } },
  );
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").once("data", (line: string) => {
      resolve((JSON.parse(line) as { url: string }).url);
    });
    child.once("exit", (code) => reject(new Error(`the host exited with ${code}: ${log}`)));
  });
  return { url, process: child, log: () => log };
}

/** When the tests are killed the pipe to the host closes, and it does not stay behind. */
const ENDS_WITH_US =
  "data:text/javascript,process.stdin.on('close',()=>process.exit()).resume().unref()";

const settingsOf = ({ config, vault }: Surroundings): Record<string, string> => ({
  AzureWebJobsStorage: config.STATE_STORAGE_CONNECTION,
  STATE_STORAGE_CONNECTION: config.STATE_STORAGE_CONNECTION,
  PACKAGE_STORAGE_CONNECTION: config.PACKAGE_STORAGE_CONNECTION,
  SERVICE_BUS_CONNECTION: config.SERVICE_BUS_CONNECTION,
  AGENT_SERVICE_BUS_CONNECTION: config.AGENT_SERVICE_BUS_CONNECTION,
  KEY_VAULT_URL: config.KEY_VAULT_URL,
  KEY_VAULT_VERIFY_CHALLENGE: "false",
  NODE_EXTRA_CA_CERTS: vault.certificateFile,
  IDENTITY_ENDPOINT: vault.identityUrl,
  IDENTITY_HEADER: IDENTITY_SECRET,
  IMPORT_POLL_FIRST_MS: "50",
  IMPORT_POLL_MAX_MS: "200",
  IMPORT_SILENCE_MS: "1000",
  HEARTBEAT_SECONDS: "1",
  LEASE_SECONDS: "5",
});

async function stopProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

const newKey = () => randomBytes(40).toString("base64url");
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
