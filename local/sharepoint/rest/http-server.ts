import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { changeFaults, type Faults, noFaults } from "../faults.ts";
import { hresult } from "../import/error-codes.ts";
import type { Log } from "../logger.ts";
import { bearerCheck, type CheckBearer } from "./bearer.ts";
import { answerPeopleManager, contextInfo } from "./identity-endpoints.ts";
import {
  badRequest,
  isVerbose,
  noResource,
  notFound,
  ODataError,
  type ODataRequest,
  type ODataResult,
  parsePath,
  requirePost,
  spError,
  toBody,
  toErrorBody,
} from "./odata.ts";
import { streamItems } from "./simulator-endpoints.ts";
import { answerSite, type SiteContext } from "./site-endpoints.ts";
import { type Throttling, throttling } from "./throttle.ts";
import { answerWeb, type WebContext } from "./web-endpoints.ts";

interface HttpContext extends SiteContext, WebContext {
  port: number;
  jwks: string | undefined;
  switches: { current: Faults };
  log: Log;
}

interface Http {
  context: HttpContext;
  origin: string;
  checkBearer: CheckBearer;
  throttled: Throttling;
}

/** Listens on 127.0.0.1; returns the server and the origin under which it is reached. */
export async function startHttpServer(
  context: HttpContext,
): Promise<{ server: Server; origin: string }> {
  const server = createServer();
  server.listen(context.port, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const checkBearer = bearerCheck(context.jwks, origin);
  const http = { context, origin, checkBearer, throttled: throttling(context.faults) };
  server.on("request", (request, response) => {
    handle(http, request, response).catch((error: Error) => {
      context.log("request-failed", { method: request.method, error: error.message });
      response.destroy();
    });
  });
  return { server, origin };
}

async function handle(http: Http, request: IncomingMessage, response: ServerResponse) {
  const { log } = http.context;
  const verbose = isVerbose(request);
  try {
    const [rawPath = "", rawQuery = ""] = (request.url ?? "").split(/\?(.*)/s);
    const query = new URLSearchParams(rawQuery);
    const path = decodeURIComponent(rawPath);
    if (path.startsWith("/_simulator/")) {
      return await answerSimulator(http, path, query, request, response);
    }
    const refused = await http.checkBearer(request.headers.authorization);
    if (refused) {
      const { status, reason } = refused;
      if (status === 401) response.setHeader("www-authenticate", 'Bearer realm="SharePoint"');
      const type = "System.UnauthorizedAccessException";
      throw new ODataError(status, hresult.accessDenied, type, reason);
    }
    const status = http.throttled.refusal(response);
    if (status) {
      throw spError(status, -2147429894, "The request has been throttled -- Too Many Requests.");
    }
    const [, team, personal, resource] =
      /^(?:\/sites\/([^/]+)|\/(personal\/[^/]+))?\/_api\/(.+)$/is.exec(path) ?? [];
    if (!resource) throw notFound(`${path} does not exist`);
    const method = String(request.headers["x-http-method"] ?? request.method).toUpperCase();
    const body = await readBody(request);
    const segments = parsePath(resource, query);
    const odata = { method, segments, query, body, verbose };
    const result = await answer(http, team ?? personal ?? "", odata);
    const created = "status" in result ? result.status : undefined;
    send(response, created ?? 200, toBody(result, odata), verbose);
  } catch (error) {
    if (response.headersSent) throw error;
    const known = error instanceof ODataError;
    if (!known) log("request-failed", { method: request.method, error: (error as Error).stack });
    const shown = known ? error : spError(500, hresult.generic, (error as Error).message);
    send(response, shown.status, toErrorBody(shown, verbose), verbose);
  }
}

/** `siteName` is empty at the root of the server, where only the user profiles are. */
async function answer(
  { context, origin }: Http,
  siteName: string,
  request: ODataRequest,
): Promise<ODataResult> {
  const root = request.segments[0]?.name ?? "";
  if (root === "sp.userprofiles.peoplemanager") {
    return answerPeopleManager(context, origin, request);
  }
  const site = context.sites.get(siteName.toLowerCase());
  if (!site) throw notFound(`The site "${siteName}" does not exist`);
  if (root === "site") return answerSite(context, { site, origin }, request);
  if (root === "web") return answerWeb(context, { site, origin }, request);
  if (root !== "contextinfo") throw noResource(root);
  requirePost(request);
  return contextInfo(origin, site);
}

/** What SharePoint does not have: the record, the faults and what became of the calls. Open, as nobody else can reach 127.0.0.1. */
async function answerSimulator(
  { context: { sites, items, switches }, throttled }: Http,
  path: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = `${request.method} ${path}`;
  if (route === "GET /_simulator/items") return streamItems(sites, items, query, response);
  if (route === "GET /_simulator/calls") return send(response, 200, throttled.counts, false);
  if (path !== "/_simulator/faults") throw notFound(`${route} does not exist`);
  if (request.method === "DELETE") switches.current = noFaults;
  if (request.method === "POST") {
    const changes = await readBody(request);
    try {
      switches.current = changeFaults(switches.current, changes);
    } catch (error) {
      throw badRequest((error as Error).message);
    }
  }
  send(response, 200, switches.current, false);
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const sent = await text(request);
  try {
    return z.record(z.string(), z.unknown()).parse(sent.trim() === "" ? {} : JSON.parse(sent));
  } catch {
    throw badRequest("The request body must be a JSON object");
  }
}

function send(response: ServerResponse, status: number, body: unknown, verbose: boolean): void {
  response.writeHead(status, {
    "content-type": `application/json;odata=${verbose ? "verbose" : "nometadata"};charset=utf-8`,
  });
  response.end(JSON.stringify(body));
}
