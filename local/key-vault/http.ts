import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";

const MAX_BODY = 1_024 * 1_024;

export interface HttpRequest {
  method: string;
  url: URL;
  header(name: string): string | undefined;
  /** The JSON body, undefined if there is none. Throws a SyntaxError if it is not JSON. */
  json(): unknown;
}

export interface HttpResponse {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface HttpServer {
  port: number;
  close(): Promise<void>;
}

/** Serves JSON on 127.0.0.1, over https if there is a certificate. `port` 0 is a free one. `handle` must not reject. */
export async function serveHttp(
  port: number,
  handle: (request: HttpRequest) => Promise<HttpResponse>,
  certificate?: { key: string; cert: string },
): Promise<HttpServer> {
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    respond(request, response, handle).catch(() => {
      // The client went away while it sent its body: there is nobody to answer.
      response.destroy();
    });
  };
  const server = certificate
    ? createSecureServer({ key: certificate.key, cert: certificate.cert }, listener)
    : createServer(listener);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<void> {
  const raw = await readBody(request);
  const { status, body, headers } =
    raw === undefined ? { status: 413 } : await handle(toRequest(request, raw));
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function toRequest(request: IncomingMessage, raw: string): HttpRequest {
  return {
    method: request.method ?? "GET",
    url: new URL(request.url ?? "/", "http://127.0.0.1"),
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    json: () => (raw === "" ? undefined : JSON.parse(raw)),
  };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  return size <= MAX_BODY ? Buffer.concat(chunks).toString("utf8") : undefined;
}
