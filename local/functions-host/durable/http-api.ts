/**
 * The Durable extension's HTTP API (MS docs: durable-functions-http-api). The same routes serve the
 * public webhooks and the loopback endpoint through which durable-functions 3.5 makes every call.
 */
import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonAnswer } from "../http-message.ts";
import { entityId } from "./actions.ts";
import { BadArgument, purge, sendEvent, signalEntity, startNew } from "./client.ts";
import { readEntity } from "./entities.ts";
import { parseHistory, readHistoryJson } from "./executions.ts";
import { type EventBody, EventType } from "./history.ts";
import { viewHistory } from "./history-view.ts";
import { findInstanceIds, queryInstances } from "./instance-query.ts";
import { findInstance, type Instance, isFinished } from "./instances.ts";
import type { DurableLinks } from "./links.ts";
import type { TaskHub } from "./task-hub.ts";

export interface DurableRequest {
  method: string;
  /** Behind the prefix, for example `instances/abc`. */
  path: string;
  url: URL;
  headers: IncomingHttpHeaders;
  body: string;
}

const NOT_FOUND: JsonAnswer = { status: 404 };
const GONE: JsonAnswer = { status: 410 };
const ACCEPTED: JsonAnswer = { status: 202 };

export class DurableHttpApi {
  readonly #hub: TaskHub;
  readonly #links: DurableLinks;

  constructor(hub: TaskHub, links: DurableLinks) {
    this.#hub = hub;
    this.#links = links;
  }

  async handle(request: DurableRequest): Promise<JsonAnswer> {
    try {
      const segments = request.path.split("/").filter(Boolean).map(decodeURIComponent);
      const [collection, ...rest] = segments;
      if (collection === "orchestrators") return await this.#start(request, rest);
      if (collection === "instances") return await this.#instances(request, rest);
      if (collection === "entities") return await this.#entities(request, rest);
      return NOT_FOUND;
    } catch (error) {
      return describeFailure(error as Error);
    }
  }

  async #start({ method, url, body }: DurableRequest, path: string[]): Promise<JsonAnswer> {
    const [name, id] = path;
    if (method !== "POST" || !name || path.length > 2) return NOT_FOUND;
    const version = url.searchParams.get("version") ?? undefined;
    const wait = readWait(url.searchParams);
    const started = await startNew(this.#hub, name, { id, input: readJson(body), version });
    const ended = wait && (await this.#untilFinished(started, wait));
    if (!ended) return this.#checkStatus(url, started);
    if (ended.status === "Completed") return { status: 200, json: parse(ended.output) };
    return this.#status(url, ended);
  }

  #checkStatus({ origin }: URL, id: string): JsonAnswer {
    const { rewindPostUri: _, ...json } = this.#links.management(origin, id);
    const headers = { Location: json.statusQueryGetUri, "Retry-After": "10" };
    return { status: 202, headers, json };
  }

  /** The finished instance, or undefined if it does not finish in time. */
  async #untilFinished(id: string, { timeoutMs, pollMs }: Wait): Promise<Instance | undefined> {
    for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(pollMs)) {
      const instance = findInstance(this.#hub.store, id);
      if (isFinished(instance?.status)) return instance;
    }
    return undefined;
  }

  async #instances(request: DurableRequest, path: string[]): Promise<JsonAnswer> {
    const [id, operation, argument] = path;
    const { method } = request;
    if (id === undefined) return this.#collection(request);
    const instance = findInstance(this.#hub.store, id);
    const verb = operation?.toLowerCase();
    if (!instance) {
      if (verb === "restart") throw new BadArgument(`There is no instance '${id}' to restart.`);
      return NOT_FOUND;
    }
    if (verb !== undefined) {
      return method === "POST" ? this.#control(request, instance, verb, argument) : NOT_FOUND;
    }
    if (method === "GET") return this.#status(request.url, instance);
    if (method !== "DELETE") return NOT_FOUND;
    return { status: 200, json: { instancesDeleted: await purge(this.#hub, [id]) } };
  }

  async #control(
    { url, headers, body }: DurableRequest,
    { id, status, name, input, version }: Instance,
    verb: string,
    Name: string | undefined,
  ): Promise<JsonAnswer> {
    const Reason = url.searchParams.get("reason") ?? "";
    const send = async (event: EventBody): Promise<JsonAnswer> => {
      if (isFinished(status)) return GONE;
      await sendEvent(this.#hub, id, event);
      return ACCEPTED;
    };
    switch (verb) {
      case "raiseevent": {
        if (!Name) return NOT_FOUND;
        if (!isJson(headers) && !isFinished(status)) {
          const Message = "Only application/json request content is supported";
          return { status: 400, json: { Message } };
        }
        return send({ EventType: EventType.EventRaised, Name, Input: readJson(body) });
      }
      case "terminate":
        return send({ EventType: EventType.ExecutionTerminated, Input: Reason });
      case "suspend":
        if (status === "Suspended") throw wrongStatus("suspend", id, status);
        return send({ EventType: EventType.ExecutionSuspended, Reason });
      case "resume":
        if (!isFinished(status) && status !== "Suspended") throw wrongStatus("resume", id, status);
        return send({ EventType: EventType.ExecutionResumed, Reason });
      case "restart": {
        const withNewId = readFlag(url.searchParams, "restartWithNewInstanceId", true);
        const start = { id: withNewId ? undefined : id, input, version };
        return this.#checkStatus(url, await startNew(this.#hub, name, start));
      }
      case "rewind": // As of a storage provider that cannot do it: the SDK says so.
        return { status: 501 };
      default:
        return NOT_FOUND;
    }
  }

  async #collection({ method, url, headers }: DurableRequest): Promise<JsonAnswer> {
    const { store } = this.#hub;
    const query = url.searchParams;
    if (method === "GET") {
      const token = headers["x-ms-continuation-token"];
      const page = queryInstances(store, query, Array.isArray(token) ? token[0] : token);
      const showInput = readFlag(query, "showInput", true);
      const answer = page.nextToken
        ? { headers: { "x-ms-continuation-token": page.nextToken } }
        : {};
      return { status: 200, json: page.instances.map((i) => toBody(i, showInput)), ...answer };
    }
    if (method !== "DELETE") return NOT_FOUND;
    if (!query.get("createdTimeFrom")) {
      return { status: 400, json: "Please provide value for 'createdTimeFrom' parameter." };
    }
    const instancesDeleted = await purge(this.#hub, findInstanceIds(store, query));
    return instancesDeleted > 0 ? { status: 200, json: { instancesDeleted } } : NOT_FOUND;
  }

  async #entities(request: DurableRequest, [name, key]: string[]): Promise<JsonAnswer> {
    const { method, url, headers, body } = request;
    if (name === undefined || key === undefined) return NOT_FOUND;
    const realKey = key === "$" ? "" : key; // an empty key cannot be a path segment
    if (method === "GET") {
      const state = readEntity(this.#hub, entityId({ name, key: realKey }));
      return state === undefined ? NOT_FOUND : { status: 200, json: parse(state) };
    }
    if (method !== "POST" && method !== "DELETE") return NOT_FOUND;
    const op = method === "DELETE" ? "delete" : (url.searchParams.get("op") ?? "");
    const input = isJson(headers) || body === "" ? readJson(body) : JSON.stringify(body);
    await signalEntity(this.#hub, name, realKey, { op, input });
    return ACCEPTED;
  }

  #status(url: URL, instance: Instance): JsonAnswer {
    const query = url.searchParams;
    const showInput = readFlag(query, "showInput", true);
    const json: Record<string, unknown> = toBody(instance, showInput);
    if (readFlag(query, "showHistory", false)) {
      const events = parseHistory(readHistoryJson(this.#hub.store, instance.id));
      const showOutput = readFlag(query, "showHistoryOutput", false);
      json.historyEvents = viewHistory(events, { showOutput, showInput });
    }
    if (!isFinished(instance.status)) {
      return { status: 202, json, headers: { Location: url.href, "Retry-After": "5" } };
    }
    const asError = readFlag(query, "returnInternalServerErrorOnFailure", false);
    return { status: instance.status === "Failed" && asError ? 500 : 200, json };
  }
}

/** SDK 3.5 needs `input` and `output` to be present, with null for nothing. */
function toBody(instance: Instance, showInput: boolean) {
  const { name, id, status, input, custom_status, output, created, updated } = instance;
  return {
    name,
    instanceId: id,
    runtimeStatus: status,
    input: showInput ? parse(input) : null,
    customStatus: parse(custom_status),
    output: parse(output),
    createdTime: toSeconds(created),
    lastUpdatedTime: toSeconds(updated),
  };
}

const toSeconds = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const parse = (json: string | null): unknown => (json === null ? null : JSON.parse(json));

const isJson = (headers: IncomingHttpHeaders): boolean =>
  /^application\/json/i.test(headers["content-type"] ?? "");

/** The body as canonical JSON; null if there is none. */
function readJson(body: string): string | null {
  if (body === "") return null;
  try {
    return JSON.stringify(JSON.parse(body));
  } catch {
    throw new BadArgument("Invalid JSON content");
  }
}

interface Wait {
  timeoutMs: number;
  pollMs: number;
}

/** `timeout` and `pollingInterval`, in seconds; without both of them nobody waits. */
function readWait(query: URLSearchParams): Wait | undefined {
  if (!query.get("timeout") || !query.get("pollingInterval")) return undefined;
  const timeoutMs = Number(query.get("timeout")) * 1000;
  const pollMs = Number(query.get("pollingInterval")) * 1000;
  if (pollMs > 0 && timeoutMs >= pollMs) return { timeoutMs, pollMs };
  throw new BadArgument("timeout and pollingInterval must be seconds, the timeout the longer one");
}

function readFlag(query: URLSearchParams, name: string, fallback: boolean): boolean {
  const value = query.get(name);
  return value === null ? fallback : /^true$/i.test(value);
}

const wrongStatus = (verb: string, id: string, status: string): Error =>
  new Error(
    `Cannot ${verb} the orchestration instance ${id} because instance is in the ${status} state.`,
  );

/** The error body of the extension; the SDK shows its ExceptionMessage. */
function describeFailure(error: Error): JsonAnswer {
  const bad = error instanceof BadArgument || error instanceof URIError;
  const json = {
    Message: bad
      ? "One or more of the arguments submitted is incorrect"
      : "Something went wrong while processing your request",
    ExceptionMessage: error.message,
    ExceptionType: bad ? "System.ArgumentException" : "System.InvalidOperationException",
    StackTrace: null,
  };
  return { status: bad ? 400 : 500, json };
}
