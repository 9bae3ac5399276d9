import type { AppFunction } from "./app-loader.ts";
import { HOST_VERSION } from "./core-module.ts";
import type { JsonAnswer } from "./http-message.ts";

/** The `/admin/` endpoints; who may call them is decided in front of them. */
export type Admin = (method: string, path: string, body: Buffer) => Promise<JsonAnswer>;

export interface AdminOptions {
  functions: readonly AppFunction[];
  isDraining: () => boolean;
  outstanding: () => number;
  drain: () => void;
  /** Runs a function by hand with a text as its trigger value; does not wait for it. */
  fire: (target: AppFunction, input: string) => void;
}

export function createAdmin(options: AdminOptions): Admin {
  const { functions, isDraining, outstanding, drain, fire } = options;
  const started = Date.now();
  return async (method, path, body) => {
    switch (`${method} ${path}`) {
      case "GET /admin/host/ping":
      case "POST /admin/host/ping":
        return { status: 200 };
      case "GET /admin/host/status":
        return { status: 200, json: status(started, isDraining()) };
      case "POST /admin/host/drain":
        drain();
        return { status: 202 };
      case "GET /admin/host/drain/status":
        return { status: 200, json: drainStatus(isDraining(), outstanding()) };
      case "GET /admin/functions":
        return { status: 200, json: functions.map(describe) };
    }
    const name = /^\/admin\/functions\/([^/]+)$/.exec(path)?.[1];
    if (name === undefined) return { status: 404 };
    const wanted = decodeURIComponent(name).toLowerCase();
    const target = functions.find((candidate) => candidate.name.toLowerCase() === wanted);
    if (!target) return { status: 404 };
    if (method === "GET") return { status: 200, json: describe(target) };
    if (method !== "POST") return { status: 404 };
    const input = readInput(body);
    if (input === undefined) return { status: 400 };
    fire(target, input);
    return { status: 202 };
  };
}

const status = (started: number, draining: boolean) => ({
  id: "localhost",
  state: draining ? "Stopping" : "Running",
  version: HOST_VERSION,
  processUptime: Date.now() - started,
});

const drainStatus = (draining: boolean, outstandingInvocations: number) => ({
  state: draining ? (outstandingInvocations > 0 ? "InProgress" : "Completed") : "Disabled",
  outstandingInvocations,
  outstandingRetries: 0,
});

const describe = ({ name, metadata }: AppFunction) => ({
  name,
  config: {
    bindings: Object.entries(metadata.bindings).map(([key, value]) => ({ ...value, name: key })),
  },
});

/** The body is `{"input": "..."}`; undefined if it is not JSON. */
function readInput(body: Buffer): string | undefined {
  try {
    const parsed = JSON.parse(body.toString("utf8") || "{}") as { input?: unknown } | null;
    return typeof parsed?.input === "string" ? parsed.input : JSON.stringify(parsed?.input ?? "");
  } catch {
    return undefined;
  }
}
