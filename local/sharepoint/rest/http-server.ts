import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { changeFaults, type Faults, isThrottled } from "../faults.ts";
import { hresult } from "../import/error-codes.ts";
import type { JobRunner } from "../import/job-runner.ts";
import type { Log } from "../logger.ts";
import type { ItemStore } from "../record/item-store.ts";
import type { JobStore } from "../record/job-store.ts";
import type { LibraryFolders } from "../record/library-folder.ts";
import type { Site } from "../sites.ts";
import { bearerCheck, type CheckBearer } from "./bearer.ts";
import { contextInfo } from "./identity-endpoints.ts";
import {
  badRequest,
  isVerbose,
  ODataError,
  type ODataRequest,
  type ODataResult,
  parsePath,
  toBody,
  toErrorBody,
} from "./odata.ts";
import type { Provisioning } from "./provisioning.ts";
import { streamItems } from "./simulator-endpoints.ts";
import { answerSite } from "./site-endpoints.ts";
import { answerWeb } from "./web-endpoints.ts";

export interface HttpContext {
  port: number;
  jwks: string | undefined;
  sites: Map<string, Site>;
  jobs: JobStore;
  items: ItemStore;
  folders: LibraryFolders;
  runner: JobRunner;
  provisioning: Provisioning | undefined;
  faults: { current: Faults };
  log: Log;
}

const MAX_BODY_BYTES = 1024 * 1024;

/** Listens on 127.0.0.1; returns the server and the origin under which it is reached. */
export async function startHttpServer(
  context: HttpContext,
): Promise<{ server: Server; origin: string }> {
  const server = createServer();
  server.listen(context.port, "127.0.0.1");
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const checkBearer = bearerCheck(context.jwks, origin);
  server.on("request", (request, response) => {
    handle(context, origin, checkBearer, request, response).catch((error: Error) => {
      context.log("request-failed", { method: request.method, error: error.message });
      response.destroy();
    });
  });
  return { server, origin };
}

async function handle(
  context: HttpContext,
  origin: string,
  checkBearer: CheckBearer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const verbose = isVerbose(request);
  try {
    const [rawPath = "", rawQuery = ""] = (request.url ?? "").split(/\?(.*)/s);
    const query = new URLSearchParams(rawQuery);
    const path = decodePath(rawPath);
    if (path.startsWith("/_simulator/")) {
      return await answerSimulator(context, path, query, request, response);
    }
    const refused = await checkBearer(request.headers.authorization);
    if (refused) {
      const error = new ODataError(
        401,
        hresult.accessDenied,
        "System.UnauthorizedAccessException",
        refused,
      );
      response.setHeader("www-authenticate", 'Bearer realm="simulated SharePoint"');
      return send(response, 401, toErrorBody(error, verbose), verbose);
    }
    if (isThrottled(context.faults.current)) {
      response.setHeader("retry-after", String(context.faults.current.retryAfterSeconds));
      const error = new ODataError(
        429,
        -2147429894,
        "Microsoft.SharePoint.SPException",
        "The request has been throttled -- Too Many Requests.",
      );
      return send(response, 429, toErrorBody(error, verbose), verbose);
    }
    const [, siteName, resource] = /^\/sites\/([^/]+)\/_api\/(.+)$/is.exec(path) ?? [];
    const site = context.sites.get((siteName ?? "").toLowerCase());
    if (!site || !resource) {
      throw new ODataError(
        404,
        hresult.fileNotFound,
        "System.IO.FileNotFoundException",
        `${path} does not exist`,
      );
    }
    const odata: ODataRequest = {
      method: request.method ?? "",
      segments: parsePath(resource, query),
      query,
      body: await readBody(request),
      verbose,
    };
    const result = await dispatch(context, origin, site, odata);
    send(response, 200, toBody(result, odata), verbose);
  } catch (error) {
    if (response.headersSent) throw error;
    if (!(error instanceof ODataError)) {
      context.log("request-failed", { method: request.method, error: (error as Error).stack });
    }
    const odataError =
      error instanceof ODataError
        ? error
        : new ODataError(
            500,
            hresult.generic,
            "Microsoft.SharePoint.SPException",
            (error as Error).message,
          );
    send(response, odataError.status, toErrorBody(odataError, verbose), verbose);
  }
}

function dispatch(
  context: HttpContext,
  origin: string,
  site: Site,
  request: ODataRequest,
): Promise<ODataResult> {
  const root = request.segments[0]?.name;
  const isPost = request.method === "POST";
  const mustPost = /^(provision|create|delete|ensure|contextinfo|getmigrationjobstatus)/;
  const called = root === "contextinfo" ? root : (request.segments[1]?.name ?? "");
  if (mustPost.test(called) && !isPost) {
    throw new ODataError(
      405,
      -1,
      "Microsoft.SharePoint.Client.ClientServiceException",
      "The HTTP method must be POST",
    );
  }
  if (root === "site") return answerSite({ ...context, site, origin }, request);
  if (root === "web") return answerWeb({ ...context, site, origin }, request);
  if (root === "contextinfo") return Promise.resolve(contextInfo(origin, site));
  throw new ODataError(
    404,
    -1,
    "Microsoft.SharePoint.Client.ResourceNotFoundException",
    `Cannot find resource for the request ${root}.`,
  );
}

/** What SharePoint does not have: the record and the faults. Open, as nobody else can reach 127.0.0.1. */
async function answerSimulator(
  context: HttpContext,
  path: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { faults } = context;
  const route = `${request.method} ${path}`;
  if (route === "GET /_simulator/items") {
    return streamItems(context.sites, context.items, query, response);
  }
  if (route === "POST /_simulator/faults") {
    const changes = await readBody(request);
    try {
      faults.current = changeFaults(faults.current, changes);
    } catch (error) {
      throw badRequest((error as Error).message);
    }
    return send(response, 200, faults.current, false);
  }
  if (route === "GET /_simulator/faults") return send(response, 200, faults.current, false);
  throw new ODataError(404, -1, "System.ArgumentException", `${route} does not exist`);
}

function decodePath(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath);
  } catch {
    throw badRequest("The path is not valid percent-encoding");
  }
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) throw badRequest("The request body is too long");
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString("utf8").trim();
  if (text === "") return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw badRequest("The request body is not valid JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badRequest("The request body must be a JSON object");
  }
  return body as Record<string, unknown>;
}

function send(response: ServerResponse, status: number, body: unknown, verbose: boolean): void {
  response.writeHead(status, {
    "content-type": `application/json;odata=${verbose ? "verbose" : "nometadata"};charset=utf-8`,
  });
  response.end(JSON.stringify(body));
}
