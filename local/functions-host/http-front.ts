import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Admin } from "./admin.ts";
import type { AppFunction } from "./app-loader.ts";
import type { DurableHttpApi } from "./durable/http-api.ts";
import { WEBHOOK_PATH } from "./durable/links.ts";
import { BodyTooLarge, type HttpInvocation, readBody, sendJson } from "./http-message.ts";
import { type HostKeys, type KeyLevel, levelOf } from "./keys.ts";
import { describeError, type Log } from "./logger.ts";
import { parseRouteTemplate, type RouteTemplate } from "./route-template.ts";

const HOMEPAGE =
  "<!DOCTYPE html><title>Functions host</title><p>Your Functions app is up and running.";

interface Route {
  target: AppFunction;
  template: RouteTemplate;
  methods: string[] | undefined;
  authLevel: string;
}

export interface HttpFrontOptions {
  functions: readonly AppFunction[];
  routePrefix: string;
  keys: HostKeys;
  durable: DurableHttpApi;
  /** Prefix under which the Durable API is open without a key. */
  rpcPath: string;
  admin: Admin;
  /** Runs an HTTP function and writes its response. */
  invokeHttp: HttpInvocation;
  log: Log;
}

/** The listener: homepage, admin API, Durable endpoints and the HTTP functions of the app. */
export class HttpFront {
  /** Requests inside HTTP functions right now. */
  active = 0;
  draining = false;
  readonly #options: HttpFrontOptions;
  readonly #routes: Route[];

  constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.#routes = buildRoutes(options.functions, options.routePrefix);
  }

  /** Answers one request; the server that owns it hands every request in here. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    this.#dispatch(request, response).catch((error: unknown) => {
      const tooLarge = error instanceof BodyTooLarge;
      if (!tooLarge) this.#log(`${request.method} ${pathOf(request)}: ${describeError(error)}`);
      if (!response.headersSent) response.writeHead(tooLarge ? 413 : 500, { connection: "close" });
      response.end();
    });
  };

  async #dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(`http://${request.headers.host ?? "localhost"}${request.url ?? "/"}`);
    if (!url) return empty(response, 400);
    const { pathname } = url;
    const { rpcPath } = this.#options;
    if (pathname.startsWith(rpcPath)) return this.#durable(request, response, url, rpcPath);
    if (pathname === "/") {
      response.writeHead(200, { "content-type": "text/html" }).end(HOMEPAGE);
      return;
    }
    const key = request.headers["x-functions-key"] ?? url.searchParams.get("code") ?? undefined;
    const level = levelOf(Array.isArray(key) ? key[0] : key, this.#options.keys);
    if (pathname.startsWith(WEBHOOK_PATH)) {
      const open = level === "admin" || level === "system";
      return open ? this.#durable(request, response, url, WEBHOOK_PATH) : empty(response, 401);
    }
    if (pathname.startsWith("/admin/")) {
      if (level !== "admin" && pathname !== "/admin/host/ping") return empty(response, 401);
      const body = (await readBody(request)).toString("utf8");
      return sendJson(response, this.#options.admin(request.method ?? "GET", pathname, body));
    }
    return this.#function(request, response, url, level);
  }

  async #durable(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    prefix: string,
  ): Promise<void> {
    const answer = await this.#options.durable.handle({
      method: request.method ?? "GET",
      path: url.pathname.slice(prefix.length),
      url,
      headers: request.headers,
      body: (await readBody(request)).toString("utf8"),
    });
    sendJson(response, answer);
  }

  async #function(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    level: KeyLevel,
  ): Promise<void> {
    if (this.draining) return unavailable(response);
    const found = this.#match(request.method ?? "GET", url.pathname);
    if (!found) return empty(response, 404);
    const { target, authLevel } = found.route;
    const open = level === "admin" || authLevel === "anonymous" || authLevel === level;
    if (!open) return empty(response, 401);
    this.active++;
    try {
      await this.#options.invokeHttp(target, { request, response, url, params: found.params });
    } finally {
      this.active--;
    }
  }

  /** A wrong method is "no route" to the Functions host: 404, not 405. */
  #match(method: string, pathname: string) {
    const path = decodePath(pathname);
    if (path === undefined) return undefined;
    for (const route of this.#routes) {
      if (route.methods && !route.methods.includes(method)) continue;
      const params = route.template.match(path);
      if (params) return { route, params };
    }
    return undefined;
  }

  #log(message: string): void {
    this.#options.log({ level: "error", category: "Host.Http", message });
  }
}

export interface Listener {
  port: number;
  /** Hands all further requests to that handler; until then they are answered 503. */
  serve(handler: http.RequestListener): void;
  close(): void;
}

/** Starts a server on 127.0.0.1. It is there before the app is loaded, which has to know the port. */
export async function listen(port: number): Promise<Listener> {
  let handler: http.RequestListener = (_request, response) => unavailable(response);
  const server = http.createServer((request, response) => handler(request, response));
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    serve: (next) => {
      handler = next;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function buildRoutes(functions: readonly AppFunction[], prefix: string): Route[] {
  return functions
    .filter(({ trigger }) => trigger.type === "httpTrigger")
    .map((target): Route => {
      const { binding } = target.trigger;
      const route = typeof binding.route === "string" ? binding.route : target.name;
      const methods = Array.isArray(binding.methods) ? binding.methods.map(String) : undefined;
      return {
        target,
        template: parseRouteTemplate(`${prefix}/${route}`),
        methods: methods?.map((method) => method.toUpperCase()),
        authLevel: String(binding.authLevel ?? "anonymous").toLowerCase(),
      };
    })
    .sort((a, b) => compare(a.template.precedence, b.template.precedence));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Kestrel decodes a path once and leaves an encoded slash as it is; undefined if malformed. */
function decodePath(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname.slice(1).replace(/%2f/gi, "%252F"));
  } catch {
    return undefined;
  }
}

const pathOf = (request: IncomingMessage): string => (request.url ?? "").split("?")[0] ?? "";

function unavailable(response: ServerResponse): void {
  response.writeHead(503, { "retry-after": "1" }).end();
}

function empty(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}
