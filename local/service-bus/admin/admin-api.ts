import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { verifySas } from "../auth/sas.ts";
import type { Policy } from "../config.ts";
import { ServiceBusError, toServiceBusError, unauthorized } from "../errors.ts";
import type { Queue } from "../queue/queue.ts";
import { queueEntry } from "./queue-description.ts";

const PAGE_SIZE = 100;

/**
 * The part of Service Bus' administration (Atom XML over HTTP, MS docs: rest/api/servicebus) that reads: one queue, all queues,
 * with their message counts. Needs the Manage claim. Queues come from the configuration, so whatever would make, change or
 * delete an entity is refused, as a namespace refuses what its tier does not have.
 */
export function adminApi(
  policies: readonly Policy[],
  queues: ReadonlyMap<string, Queue>,
): RequestListener {
  const since = new Date().toISOString();

  function answer(request: IncomingMessage): string {
    const { headers, method } = request;
    const url = new URL(request.url ?? "/", `https://${headers.host ?? "localhost"}`);
    const path = decodeURIComponent(url.pathname).slice(1);
    const { rights } = verifySas(headers.authorization ?? "", path, policies);
    if (!rights.has("Manage"))
      throw unauthorized("Authorization failed for specified action: Manage,EntityRead.");
    const queue = queues.get(path.toLowerCase());
    if (method !== "GET") throw refusal(queue, path);
    const show = (shown: Queue) => queueEntry(shown, `${url.origin}/`, since);
    if (queue) return show(queue);
    // What does not exist is an empty feed with status 200, whatever kind of entity was asked for.
    const all = path.toLowerCase() === "$resources/queues" ? [...queues.values()] : [];
    return feed(all, url, show);
  }

  return (request, response) => {
    request.resume();
    try {
      send(response, 200, "application/atom+xml;charset=utf-8", answer(request));
    } catch (cause) {
      const { status, message } = toServiceBusError(cause);
      const detail = message.replace(/[<&]/g, (sign) => (sign === "<" ? "&lt;" : "&amp;"));
      const body = `<Error><Code>${status}</Code><Detail>${detail}</Detail></Error>`;
      send(response, status, "application/xml;charset=utf-8", body);
    }
  };
}

/** Sub codes as in MS docs: service-bus-resource-manager-exceptions. */
function refusal(queue: Queue | undefined, path: string): ServiceBusError {
  const reason = queue
    ? "Queues are changed in the configuration of this namespace."
    : `'${path}': this namespace has the queues of its configuration, and no topics.`;
  return new ServiceBusError("amqp:not-allowed", `SubCode=40000. ${reason}`, 400);
}

function feed(queues: readonly Queue[], url: URL, show: (queue: Queue) => string): string {
  const skip = Number(url.searchParams.get("$skip")) || 0;
  const top = Math.min(Number(url.searchParams.get("$top")) || PAGE_SIZE, PAGE_SIZE);
  const entries = queues.slice(skip, skip + top).map(show);
  const links = [`<link rel="self" href="${url.origin}${url.pathname}"/>`];
  if (skip + top < queues.length)
    links.push(
      `<link rel="next" href="${url.origin}${url.pathname}?$skip=${skip + top}&amp;$top=${top}"/>`,
    );
  return `<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">Queues</title>${links.join("")}${entries.join("")}</feed>`;
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
