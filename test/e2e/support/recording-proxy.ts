import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Json } from "./running.ts";

/** An answer of the control plane to an agent. */
export interface Recorded {
  path: string;
  json: Json;
}

/** Stands between an agent and the control plane, and notes what the agent is told. */
export async function startRecordingProxy(target: string) {
  const answers: Recorded[] = [];
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const { authorization, "content-type": type } = request.headers;
    const body = await buffer(request);
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? "GET",
      headers: { ...(authorization && { authorization }), ...(type && { "content-type": type }) },
      ...(body.length > 0 && { body }),
    });
    const text = await answer.text();
    if (answer.ok && text) answers.push({ path: request.url ?? "", json: JSON.parse(text) });
    response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  };
  const server = createServer((request, response) => {
    // Who cannot be reached behind a proxy cannot be reached.
    pass(request, response).catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
