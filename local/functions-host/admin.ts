import type { AppFunction } from "./app-loader.ts";
import { HOST_VERSION } from "./core-module.ts";
import type { JsonAnswer } from "./http-message.ts";

/** The `/admin/` endpoints; who may call them is decided in front of them. `body` is the request's text. */
export type Admin = (method: string, path: string, body: string) => JsonAnswer;

export interface AdminOptions {
  functions: readonly AppFunction[];
  isDraining: () => boolean;
  /** Sets a host key, to a new value unless one is given; returns the value. */
  setHostKey: (name: string, value?: string) => string;
  /** Runs a timer function now, without waiting for it. */
  fireTimer: (name: string) => void;
}

/** The `value` that a body asks for; undefined if there is no body, null if it is no JSON. */
function readValue(body: string): unknown {
  try {
    return body === "" ? undefined : JSON.parse(body)?.value;
  } catch {
    return null;
  }
}

/** These two are no host keys. */
const isSpecial = (key: string): boolean => key === "master" || key === "durable";

export function createAdmin(options: AdminOptions): Admin {
  const started = Date.now();
  const status = () => ({
    id: "localhost",
    state: options.isDraining() ? "Stopping" : "Running",
    version: HOST_VERSION,
    processUptime: Date.now() - started,
  });

  /** MS docs: functions-host key management API. */
  function putHostKey(name: string, body: string): JsonAnswer {
    const value = readValue(body);
    if (value !== undefined && (typeof value !== "string" || value === "")) {
      const Message = 'The body must be empty or {"value": "<a text that is not empty>"}.';
      return { status: 400, json: { Message } };
    }
    return { status: 201, json: { name, value: options.setHostKey(name, value) } };
  }

  function run(name: string): JsonAnswer {
    const target = options.functions.find((it) => it.name.toLowerCase() === name.toLowerCase());
    if (!target) return { status: 404 };
    if (target.trigger.type !== "timerTrigger") {
      return { status: 501, json: { Message: "Only timer functions can be run by hand." } };
    }
    options.fireTimer(target.name);
    return { status: 202 };
  }

  return (method, path, body) => {
    const [, , collection, item, name, ...more] = path.split("/").map(decodeURIComponent);
    switch (`${method} ${collection}/${item}`) {
      case "GET host/ping":
      case "POST host/ping":
        return { status: 200 };
      case "GET host/status":
        return { status: 200, json: status() };
      case "PUT host/keys":
        if (name && !isSpecial(name) && more.length === 0) return putHostKey(name, body);
    }
    const isRun = method === "POST" && collection === "functions" && item && name === undefined;
    return isRun ? run(item) : { status: 404 };
  };
}
