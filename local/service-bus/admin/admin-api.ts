import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { verifySas } from "../auth/sas.ts";
import type { Policy, QueueInput } from "../config.ts";
import {
  alreadyExists,
  badArgument,
  ServiceBusError,
  toServiceBusError,
  unauthorized,
} from "../errors.ts";
import type { Queue } from "../queue/queue.ts";
import { queueEntry, readQueueEntry } from "./queue-description.ts";

const PAGE_SIZE = 100;
/** Many times what a description takes. */
const MAX_BODY = 65_536;

/**
 * The part of Service Bus' administration (Atom XML over HTTP, MS docs: rest/api/servicebus) that reads and makes queues: one
 * queue, all queues, with their message counts, and a new one. Needs the Manage claim. Whatever would change or delete an entity, or
 * make one that is no queue, is refused, as a namespace refuses what its tier does not have.
 */
export function adminApi(
  policies: readonly Policy[],
  queues: ReadonlyMap<string, Queue>,
  create: (description: QueueInput) => Promise<Queue>,
): RequestListener {
  const since = new Date().toISOString();

  async function answer(request: IncomingMessage): Promise<{ status?: number; xml: string }> {
    const { headers, method } = request;
    const url = new URL(request.url ?? "/", `https://${headers.host ?? "localhost"}`);
    const path = decodeURIComponent(url.pathname).slice(1);
    const { rights } = verifySas(headers.authorization ?? "", path, policies);
    if (!rights.has("Manage"))
      throw unauthorized("Authorization failed for specified action: Manage,EntityRead.");
    const queue = queues.get(path.toLowerCase());
    const show = (shown: Queue) => queueEntry(shown, `${url.origin}/`, since);
    // With If-Match a PUT changes what is there.
    if (method === "PUT" && headers["if-match"] === undefined) {
      const description = readQueueEntry(path, await bodyOf(request));
      // Looked for again: another request may have made it while this one arrived.
      if (description && queues.has(path.toLowerCase())) throw alreadyExists(path);
      if (description) return { status: 201, xml: show(await create(description)) };
    }
    if (method !== "GET") throw refusal(queue, path);
    if (queue) return { xml: show(queue) };
    // What does not exist is an empty feed with status 200, whatever kind of entity was asked for.
    const all = path.toLowerCase() === "$resources/queues" ? [...queues.values()] : [];
    return { xml: feed(all, url, show) };
  }

  return async (request, response) => {
    try {
      const { status = 200, xml } = await answer(request);
      send(response, status, "application/atom+xml;charset=utf-8", xml);
    } catch (cause) {
      const { status, message } = toServiceBusError(cause);
      const detail = message.replace(/[<&]/g, (sign) => (sign === "<" ? "&lt;" : "&amp;"));
      const body = `<Error><Code>${status}</Code><Detail>${detail}</Detail></Error>`;
      send(response, status, "application/xml;charset=utf-8", body);
    } finally {
      request.resume();
    }
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const part of request.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    body += part;
    if (body.length > MAX_BODY) throw badArgument("The description is too long.");
  }
  return body;
}

/** Sub codes as in MS docs: service-bus-resource-manager-exceptions. */
function refusal(queue: Queue | undefined, path: string): ServiceBusError {
  const reason = queue
    ? `'${path}': this namespace makes queues, and neither changes nor deletes them.`
    : `'${path}': this namespace has queues, and nothing else.`;
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
