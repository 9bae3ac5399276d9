import type { IncomingMessage, ServerResponse } from "node:http";
import type { Admin } from "./admin.ts";
import type { AppFunction } from "./app-loader.ts";
import type { DurableHttpApi } from "./durable/http-api.ts";
import { WEBHOOK_PATH } from "./durable/links.ts";
import { BodyTooLarge, type HttpInvocation, readBody, sendJson } from "./http-message.ts";
import { type HostKeys, type KeyLevel, levelOf } from "./keys.ts";
import { unavailable } from "./listener.ts";
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

/** What answers requests: homepage, admin API, Durable endpoints and the HTTP functions of the app. */
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

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    this.#dispatch(request, response).catch((error: unknown) => {
      const status = error instanceof BodyTooLarge ? 413 : error instanceof URIError ? 400 : 500;
      if (status === 500) {
        const message = `${request.method} ${request.url?.split("?")[0]}: ${describeError(error)}`;
        this.#options.log("error", "Host.Http", message);
      }
      if (!response.headersSent) response.writeHead(status, { connection: "close" });
      response.end();
    });
  };

  async #dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(`http://${request.headers.host ?? "localhost"}${request.url ?? "/"}`);
    if (!url) return empty(response, 400);
    const { pathname } = url;
    const { rpcPath, keys, admin } = this.#options;
    if (pathname.startsWith(rpcPath)) return this.#durable(request, response, url, rpcPath);
    if (pathname === "/") {
      response.writeHead(200, { "content-type": "text/html" }).end(HOMEPAGE);
      return;
    }
    const key = request.headers["x-functions-key"] ?? url.searchParams.get("code") ?? undefined;
    const level = levelOf(Array.isArray(key) ? key[0] : key, keys);
    if (pathname.startsWith(WEBHOOK_PATH)) {
      const open = level === "admin" || level === "system";
      return open ? this.#durable(request, response, url, WEBHOOK_PATH) : empty(response, 401);
    }
    if (pathname.startsWith("/admin/")) {
      if (level !== "admin" && pathname !== "/admin/host/ping") return empty(response, 401);
      const body = (await readBody(request)).toString("utf8");
      return sendJson(response, admin(request.method ?? "GET", pathname, body));
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
    const { target, authLevel, params } = found;
    const open = level === "admin" || authLevel === "anonymous" || authLevel === level;
    if (!open) return empty(response, 401);
    this.active++;
    try {
      await this.#options.invokeHttp(target, { request, response, url, params });
    } finally {
      this.active--;
    }
  }

  /** A wrong method is "no route" to the Functions host: 404, not 405. */
  #match(method: string, pathname: string) {
    // Kestrel decodes a path once and leaves an encoded slash as it is.
    const path = decodeURIComponent(pathname.slice(1).replace(/%2f/gi, "%252F"));
    for (const route of this.#routes) {
      if (route.methods && !route.methods.includes(method)) continue;
      const params = route.template.match(path);
      if (params) return { ...route, params };
    }
    return undefined;
  }
}

function buildRoutes(functions: readonly AppFunction[], prefix: string): Route[] {
  return functions
    .filter(({ trigger }) => trigger.type === "httpTrigger")
    .map((target): Route => {
      const { route = target.name, methods, authLevel = "anonymous" } = target.trigger.binding;
      return {
        target,
        template: parseRouteTemplate(`${prefix}/${route}`),
        methods: Array.isArray(methods) ? methods.map((each) => each.toUpperCase()) : undefined,
        authLevel: String(authLevel).toLowerCase(),
      };
    })
    .sort((a, b) => a.template.precedence.localeCompare(b.template.precedence));
}

function empty(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}
