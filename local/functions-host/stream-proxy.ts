import { randomUUID } from "node:crypto";
import http, { type IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import type { AppFunction } from "./app-loader.ts";
import { type HttpCall, type HttpInvocation, joinHeaders } from "./http-message.ts";
import type { InputData, Invoke } from "./invoker.ts";
import { type Log, logFailure } from "./logger.ts";

/**
 * HTTP functions after `app.setup({ enableHttpStream: true })`: @azure/functions opens a listener of
 * its own and reports it as the capability `HttpUri`. The host forwards the raw request there and,
 * at the same time, sends the invocation; `x-ms-invocation-id` ties the two together.
 */
export function streamedHttp(
  httpUri: string,
  invoke: Invoke,
  extraInputs: (target: AppFunction) => InputData[],
  log: Log,
): HttpInvocation {
  return async (target, call) => {
    const invocationId = randomUUID();
    const upstream = forward(httpUri, invocationId, call);
    const triggerMetadata = {
      Headers: { json: JSON.stringify(joinHeaders(call.request)) },
      Query: { json: JSON.stringify(Object.fromEntries(call.url.searchParams)) },
      ...Object.fromEntries(Object.entries(call.params).map(([k, string]) => [k, { string }])),
    };
    const inputData = [
      { name: target.trigger.bindingName, data: { http: {} } },
      ...extraInputs(target),
    ];
    const invocation = invoke(target, { invocationId, inputData, triggerMetadata });
    // A handler that throws never answers the forwarded request.
    invocation.catch(() => upstream.abort());
    try {
      const answer = await upstream.response;
      const headers = { ...answer.headers };
      delete headers["x-ms-invocation-id"];
      call.response.writeHead(answer.statusCode ?? 200, headers);
      await pipeline(answer, call.response);
      await invocation;
    } catch (error) {
      const cause = await invocation.then(() => error).catch((thrown: unknown) => thrown);
      logFailure(log, target.name, cause);
      if (!call.response.headersSent) call.response.writeHead(500).end();
      else call.response.destroy();
    }
  };
}

function forward(httpUri: string, invocationId: string, { request }: HttpCall) {
  const outgoing = http.request(new URL(request.url ?? "/", httpUri), {
    method: request.method ?? "GET",
    headers: {
      ...request.headers,
      "x-ms-invocation-id": invocationId,
      "x-forwarded-host": request.headers.host ?? "",
      "x-forwarded-proto": "http",
    },
  });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
  response.catch(() => undefined); // awaited by the caller; an early failure must not be "unhandled"
  request.pipe(outgoing);
  return { response, abort: () => outgoing.destroy(new Error("the function failed")) };
}
