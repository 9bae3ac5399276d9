import { randomUUID } from "node:crypto";
import { once } from "node:events";
import http, {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { pipeline } from "node:stream/promises";
import { type HttpInvocation, joinHeaders } from "./http-message.ts";
import type { Invoke } from "./invoker.ts";
import { type Log, logFailure } from "./logger.ts";

/** Kestrel gives a body that nobody reads this long (Http1MessageBody drains for five seconds). */
const DRAIN_MS = 5000;
/** A function that has returned without a response sends none later. */
const NO_ANSWER_MS = 2000;
/** What the listener of the app takes in of a body whether or not it is read (half a stream's buffer). */
const SMALL_BODY_BYTES = 32_768;

/** They are about one connection, and here are two (RFC 9110, 7.6.1). */
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "te", "upgrade"];

/**
 * HTTP functions after `app.setup({ enableHttpStream: true })`: @azure/functions opens a listener of
 * its own and reports it as the capability `HttpUri`. The host forwards the raw request there and,
 * at the same time, sends the invocation; `x-ms-invocation-id` ties the two together.
 */
export function streamedHttp(httpUri: string, invoke: Invoke, log: Log): HttpInvocation {
  const { hostname, port } = new URL(httpUri);
  return async (target, { request, response, url, params }) => {
    const invocationId = randomUUID();
    const forwarded = http.request({
      hostname,
      port,
      path: request.url ?? "/",
      method: request.method ?? "GET",
      ...(mayBlock(request) && { agent: false }),
      headers: {
        ...endToEnd(request.headers),
        connection: "keep-alive",
        "x-ms-invocation-id": invocationId,
        "x-forwarded-host": request.headers.host ?? "",
        "x-forwarded-proto": "http",
      },
    });
    // Once there is an answer, what goes wrong shows in its stream.
    forwarded.on("error", () => undefined);
    const answered = once(forwarded, "response") as Promise<[IncomingMessage]>;
    let isAnswered = false;
    forwarded.once("response", () => {
      isAnswered = true;
    });
    const triggerMetadata = {
      Headers: { json: JSON.stringify(joinHeaders(request)) },
      Query: { json: JSON.stringify(Object.fromEntries(url.searchParams)) },
      ...Object.fromEntries(Object.entries(params).map(([name, string]) => [name, { string }])),
    };
    const invocation = invoke(target, { http: {} }, { invocationId, triggerMetadata });
    // A handler that throws never answers the forwarded request.
    invocation.then(
      () => endUnanswered(forwarded, () => isAnswered),
      (error: Error) => forwarded.destroy(error),
    );
    // The function must hear of a client that goes away in the middle of its upload.
    request.on("error", (error) => forwarded.destroy(error));
    request.pipe(forwarded);
    try {
      const [answer] = await answered;
      writeHead(response, answer);
      await pipeline(answer, response);
      await invocation;
    } catch (error) {
      if (isCallerGone(error)) log("debug", "Host.Http", `the caller of ${target.name} went away`);
      else logFailure(log, target.name, error);
      if (!response.headersSent) response.writeHead(500).end();
      else response.destroy();
    } finally {
      request.unpipe(forwarded);
      if (!forwarded.writableFinished) forwarded.destroy();
      discardRest(request);
    }
  };
}

/**
 * A body that a function leaves half read blocks the connection to the app's listener for the next
 * request. Where that can be, the connection is not used again.
 */
function mayBlock({ headers }: IncomingMessage): boolean {
  const length = Number(headers["content-length"] ?? 0);
  return headers["transfer-encoding"] !== undefined || length > SMALL_BODY_BYTES;
}

/** Whether writing the answer ended because nobody takes it any more. */
function isCallerGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ERR_STREAM_PREMATURE_CLOSE" || code === "ERR_STREAM_UNABLE_TO_PIPE";
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
}

/** How long the body is, and when it ends, is said anew: the caller may speak HTTP/1.0. */
function writeHead(response: ServerResponse, answer: IncomingMessage): void {
  const {
    "x-ms-invocation-id": _id,
    "transfer-encoding": _encoding,
    ...headers
  } = endToEnd(answer.headers);
  response.writeHead(answer.statusCode ?? 200, headers);
}

/**
 * @azure/functions 4.16 sends no response at all for `undefined` or null; on Azure the caller waits until it times out. Here it
 * gets 500 and the log says why.
 */
function endUnanswered(forwarded: http.ClientRequest, isAnswered: () => boolean): void {
  const problem = new Error(
    "it returned no response, and with enableHttpStream none is sent: on Azure the caller waits until it times out. Return at least {}",
  );
  const end = () => isAnswered() || forwarded.destroy(problem);
  // After a stall of the event loop an answer may lie in the socket: it is read before the immediate.
  const late = setTimeout(() => setImmediate(end), NO_ANSWER_MS);
  forwarded.once("close", () => clearTimeout(late));
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
