import type { AppFunction } from "./app-loader.ts";
import { HOST_VERSION } from "./core-module.ts";
import type { JsonAnswer } from "./http-message.ts";

/** The `/admin/` endpoints; who may call them is decided in front of them. */
export type Admin = (method: string, path: string) => Promise<JsonAnswer>;

export interface AdminOptions {
  functions: readonly AppFunction[];
  isDraining: () => boolean;
  outstanding: () => number;
  /** Stops taking on new work. */
  drain: () => Promise<void>;
  /** Runs a timer function now, without waiting for it. */
  fireTimer: (name: string) => void;
}

export function createAdmin(options: AdminOptions): Admin {
  const { functions, isDraining, outstanding, drain, fireTimer } = options;
  const started = Date.now();
  return async (method, path) => {
    switch (`${method} ${path}`) {
      case "GET /admin/host/ping":
      case "POST /admin/host/ping":
        return { status: 200 };
      case "GET /admin/host/status":
        return { status: 200, json: status(started, isDraining()) };
      case "POST /admin/host/drain":
        await drain();
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
    if (target.trigger.type !== "timerTrigger") {
      const Message = "Only timer functions can be run by hand on this host.";
      return { status: 501, json: { Message } };
    }
    fireTimer(target.name);
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
