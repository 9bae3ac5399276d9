/**
 * The Durable extension's HTTP API (MS docs: durable-functions-http-api). The same routes serve the
 * public webhooks and the loopback endpoint through which durable-functions 3.5 makes every call.
 */
import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonAnswer } from "../http-message.ts";
import { entityId } from "./actions.ts";
import { BadArgument, type DurableClient } from "./client.ts";
import { type EntityRow, findEntity } from "./entities.ts";
import { parseHistory, readHistoryJson } from "./executions.ts";
import { isoTime } from "./history.ts";
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
  readonly #client: DurableClient;
  readonly #links: DurableLinks;

  constructor(hub: TaskHub, client: DurableClient, links: DurableLinks) {
    this.#hub = hub;
    this.#client = client;
    this.#links = links;
  }

  async handle(request: DurableRequest): Promise<JsonAnswer> {
    try {
      const segments = request.path.split("/").filter(Boolean).map(decodeURIComponent);
      const [collection, ...rest] = segments;
      if (collection === "orchestrators") return await this.#orchestrators(request, rest);
      if (collection === "instances") return await this.#instances(request, rest);
      if (collection === "entities") return await this.#entities(request, rest);
      return NOT_FOUND;
    } catch (error) {
      return describeFailure(error as Error);
    }
  }

  async #orchestrators(request: DurableRequest, path: string[]): Promise<JsonAnswer> {
    const [name, id] = path;
    if (request.method !== "POST" || !name || path.length > 2) return NOT_FOUND;
    const version = request.url.searchParams.get("version") ?? undefined;
    const input = readJson(request.body);
    return this.#started(request, await this.#client.startNew(name, { id, input, version }));
  }

  async #instances(request: DurableRequest, path: string[]): Promise<JsonAnswer> {
    const [id, operation, argument] = path;
    if (id === undefined) return this.#collection(request);
    const instance = findInstance(this.#hub.store, id);
    if (operation === undefined) {
      if (!instance) return NOT_FOUND;
      if (request.method === "GET") return this.#status(request, instance);
      if (request.method !== "DELETE") return NOT_FOUND;
      return { status: 200, json: { instancesDeleted: await this.#client.purge([id]) } };
    }
    if (request.method !== "POST") return NOT_FOUND;
    if (operation.toLowerCase() === "restart") return this.#restart(request, instance);
    if (!instance) return NOT_FOUND;
    return this.#control(request, instance, operation.toLowerCase(), argument);
  }

  async #control(
    { url, headers, body }: DurableRequest,
    { id, status }: Instance,
    operation: string,
    argument: string | undefined,
  ): Promise<JsonAnswer> {
    const reason = url.searchParams.get("reason") ?? "";
    const finished = isFinished(status);
    switch (operation) {
      case "raiseevent":
        if (!argument) return NOT_FOUND;
        if (finished) return GONE;
        if (!isJson(headers)) {
          const Message = "Only application/json request content is supported";
          return { status: 400, json: { Message } };
        }
        await this.#client.raiseEvent(id, argument, readJson(body));
        return ACCEPTED;
      case "terminate":
        if (finished) return GONE;
        await this.#client.terminate(id, reason);
        return ACCEPTED;
      case "suspend":
        if (finished) return GONE;
        if (status === "Suspended") throw wrongStatus("suspend", id, status);
        await this.#client.suspend(id, reason);
        return ACCEPTED;
      case "resume":
        if (finished) return GONE;
        if (status !== "Suspended") throw wrongStatus("resume", id, status);
        await this.#client.resume(id, reason);
        return ACCEPTED;
      case "rewind":
        return { status: 501, json: { Message: "This storage provider does not support rewind." } };
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
    const instancesDeleted = await this.#client.purge(findInstanceIds(store, query));
    return instancesDeleted > 0 ? { status: 200, json: { instancesDeleted } } : NOT_FOUND;
  }

  async #restart(request: DurableRequest, instance: Instance | undefined): Promise<JsonAnswer> {
    if (!instance) {
      throw new BadArgument("InstanceId does not match a valid orchestration instance.");
    }
    const { name, input, version } = instance;
    const fresh = readFlag(request.url.searchParams, "restartWithNewInstanceId", true);
    const id = fresh ? undefined : instance.id;
    return this.#started(request, await this.#client.startNew(name, { id, input, version }));
  }

  async #entities(request: DurableRequest, path: string[]): Promise<JsonAnswer> {
    const [name, key] = path;
    const { method, url, headers, body } = request;
    const query = url.searchParams;
    if (name === undefined || (key === undefined && method === "GET")) {
      return method === "GET" ? this.#listEntities(query, name) : NOT_FOUND;
    }
    const realKey = key === "$" ? "" : (key ?? ""); // an empty key cannot be a path segment
    if (method === "GET") {
      const row = findEntity(this.#hub, entityId({ name, key: realKey }));
      return row?.present === 1 ? { status: 200, json: parse(row.state) } : NOT_FOUND;
    }
    if (method !== "POST" && method !== "DELETE") return NOT_FOUND;
    const operation = method === "DELETE" ? "delete" : (query.get("op") ?? "");
    const input = isJson(headers) || body === "" ? readJson(body) : JSON.stringify(body);
    await this.#client.signalEntity(name, realKey, operation, input);
    return ACCEPTED;
  }

  #listEntities(query: URLSearchParams, name: string | undefined): JsonAnswer {
    const fetchState = readFlag(query, "fetchState", false);
    const sql = "SELECT * FROM entities WHERE present=1 AND (?1 IS NULL OR name=?1) ORDER BY id";
    const rows = this.#hub.store.all<EntityRow>(sql, name?.toLowerCase() ?? null);
    const json = rows.map((row) => ({
      entityId: { name: row.name, key: row.key },
      lastOperationTime: isoTime(row.updated),
      ...(fetchState ? { state: parse(row.state) } : {}),
    }));
    return { status: 200, json };
  }

  /** The answer to a start: the check-status payload, or the output if the caller waits for it. */
  async #started(request: DurableRequest, id: string): Promise<JsonAnswer> {
    const query = request.url.searchParams;
    const timeout = Number(query.get("timeout") ?? 0) * 1000;
    const interval = Number(query.get("pollingInterval") ?? 0) * 1000;
    const deadline = Date.now() + timeout;
    while (timeout > 0 && interval > 0) {
      const instance = findInstance(this.#hub.store, id);
      if (instance?.status === "Completed") return { status: 200, json: parse(instance.output) };
      if (instance && isFinished(instance.status)) return this.#status(request, instance);
      const left = deadline - Date.now();
      if (left <= 0) break;
      await sleep(Math.min(interval, left));
    }
    const { rewindPostUri: _, ...json } = this.#links.management(request.url.origin, id);
    const headers = { Location: json.statusQueryGetUri, "Retry-After": "10" };
    return { status: 202, headers, json };
  }

  #status({ url }: DurableRequest, instance: Instance): JsonAnswer {
    const query = url.searchParams;
    const showInput = readFlag(query, "showInput", true);
    const json: Record<string, unknown> = toBody(instance, showInput);
    if (readFlag(query, "showHistory", false)) {
      const showOutput = readFlag(query, "showHistoryOutput", false);
      json.historyEvents = viewHistory(
        parseHistory(readHistoryJson(this.#hub.store, instance.id)),
        { showOutput, showInput },
      );
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
