import { randomUUID } from "node:crypto";
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { type HttpInvocation, joinHeaders } from "./http-message.ts";
import type { Invoke } from "./invoker.ts";
import { type Log, logFailure } from "./logger.ts";

/** Kestrel gives a body that nobody reads this long (Http1MessageBody drains for five seconds). */
const DRAIN_MS = 5000;

/**
 * HTTP functions after `app.setup({ enableHttpStream: true })`: @azure/functions opens a listener of
 * its own and reports it as the capability `HttpUri`. The host forwards the raw request there and,
 * at the same time, sends the invocation; `x-ms-invocation-id` ties the two together.
 */
export function streamedHttp(httpUri: string, invoke: Invoke, log: Log): HttpInvocation {
  return async (target, { request, response, url, params }) => {
    const invocationId = randomUUID();
    const forwarded = http.request(new URL(request.url ?? "/", httpUri), {
      method: request.method ?? "GET",
      headers: {
        ...request.headers,
        "x-ms-invocation-id": invocationId,
        "x-forwarded-host": request.headers.host ?? "",
        "x-forwarded-proto": "http",
      },
    });
    // Once there is an answer, what goes wrong shows in its stream.
    forwarded.on("error", () => undefined);
    const answered = once(forwarded, "response") as Promise<[IncomingMessage]>;
    const triggerMetadata = {
      Headers: { json: JSON.stringify(joinHeaders(request)) },
      Query: { json: JSON.stringify(Object.fromEntries(url.searchParams)) },
      ...Object.fromEntries(Object.entries(params).map(([name, string]) => [name, { string }])),
    };
    const invocation = invoke(target, { http: {} }, { invocationId, triggerMetadata });
    // A handler that throws never answers the forwarded request.
    invocation.catch((error: Error) => forwarded.destroy(error));
    // The function must hear of a client that goes away in the middle of its upload.
    request.on("error", (error) => forwarded.destroy(error));
    request.pipe(forwarded);
    try {
      const [answer] = await answered;
      const { "x-ms-invocation-id": _, ...headers } = answer.headers;
      response.writeHead(answer.statusCode ?? 200, headers);
      await pipeline(answer, response);
      await invocation;
    } catch (error) {
      logFailure(log, target.name, error);
      if (!response.headersSent) response.writeHead(500).end();
      else response.destroy();
    } finally {
      request.unpipe(forwarded);
      if (!forwarded.writableEnded) forwarded.destroy();
      discardRest(request);
    }
  };
}

/**
 * A function may answer without reading the body. What is left is read and thrown away, or the next
 * request on the connection would wait behind it.
 */
function discardRest(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return;
  const tooLong = setTimeout(() => request.destroy(), DRAIN_MS);
  request.once("close", () => clearTimeout(tooLong)).resume();
}
