import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { AppFunction } from "./app-loader.ts";
import type { Invoke } from "./invoker.ts";
import { type Log, logFailure } from "./logger.ts";
import { nullableStrings, type RpcCookie, type RpcHttp, type RpcTypedData } from "./rpc-data.ts";

/** MS docs: functions-scale, "maximum request size". */
const MAX_BODY_BYTES = 104_857_600;

export class BodyTooLarge extends Error {}

export interface HttpCall {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  params: Record<string, string>;
}

export type HttpInvocation = (target: AppFunction, call: HttpCall) => Promise<void>;

export interface JsonAnswer {
  status: number;
  headers?: OutgoingHttpHeaders;
  json?: unknown;
}

export function sendJson(response: ServerResponse, { status, headers, json }: JsonAnswer): void {
  if (json === undefined) response.writeHead(status, headers).end();
  else {
    const type = { "content-type": "application/json; charset=utf-8" };
    response.writeHead(status, { ...headers, ...type }).end(JSON.stringify(json));
  }
}

/** The whole body; rejects with BodyTooLarge over 100 MB, without reading what was announced as too long. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) throw new BodyTooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new BodyTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Headers the way the host hands them on: one string per name. */
export function joinHeaders(request: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) joined[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return joined;
}

/** HTTP functions with buffered bodies (the default mode of the v4 model). */
export function bufferedHttp(invoke: Invoke, log: Log): HttpInvocation {
  return async (target, call) => {
    const http = await toRpcHttp(call);
    let answer: RpcTypedData | null | undefined;
    try {
      answer = await invoke(target, { http });
    } catch (error) {
      logFailure(log, target.name, error);
      call.response.writeHead(500).end();
      return;
    }
    if (answer?.http) writeRpcHttp(call.response, answer.http);
    else call.response.writeHead(204).end();
  };
}

async function toRpcHttp({ request, url, params }: HttpCall): Promise<RpcHttp> {
  const query: Record<string, string> = {};
  // StringValues.ToString() of ASP.NET: repeated values become one, joined by commas.
  for (const key of url.searchParams.keys()) query[key] = url.searchParams.getAll(key).join(",");
  const http: RpcHttp = {
    method: request.method ?? "GET",
    url: url.href,
    nullableHeaders: nullableStrings(joinHeaders(request)),
    nullableQuery: nullableStrings(query),
    nullableParams: nullableStrings(params),
  };
  // The host passes a body only if Content-Length > 0: a chunked body is lost without stream mode.
  if (Number(request.headers["content-length"] ?? 0) > 0) {
    http.body = { bytes: await readBody(request) };
  } else request.resume();
  return http;
}

function writeRpcHttp(response: ServerResponse, http: RpcHttp): void {
  const headers: OutgoingHttpHeaders = { ...http.headers };
  if (http.cookies?.length) headers["set-cookie"] = http.cookies.map(formatCookie);
  const body = Buffer.from(http.body?.bytes ?? http.body?.string ?? "");
  const status = Number(http.statusCode ?? 200);
  const bodiless = status === 204 || status === 304;
  const length = headers["content-length"];
  // A wrong length would make the rest of the body the beginning of the next answer. Kestrel refuses it, too.
  if (length !== undefined && body.length > 0 && Number(length) !== body.length) {
    throw new Error(`the function says content-length: ${length}, its body has ${body.length}`);
  }
  if (!bodiless && !headers["transfer-encoding"]) headers["content-length"] ??= body.length;
  response.writeHead(status, headers).end(body);
}

function formatCookie(cookie: RpcCookie): string {
  const { name, value, expires, maxAge, domain, path, secure, httpOnly, sameSite } = cookie;
  const until = expires && new Date(Number(expires.value.seconds) * 1000).toUTCString();
  const site = sameSite === "explicitNone" ? "none" : sameSite;
  const parts = [
    `${name}=${encodeURIComponent(value)}`,
    maxAge && `max-age=${maxAge.value}`,
    until && `expires=${until}`,
    domain?.value && `domain=${domain.value}`,
    path?.value && `path=${path.value}`,
    secure?.value && "secure",
    sameSite && sameSite !== "none" && `samesite=${site}`,
    httpOnly?.value && "httponly",
  ];
  return parts.filter(Boolean).join("; ");
}
