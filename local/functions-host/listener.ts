import http, { type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

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

export function unavailable(response: ServerResponse): void {
  response.writeHead(503, { "retry-after": "1" }).end();
}
