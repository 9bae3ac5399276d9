import type { Receiver } from "rhea-server";
import { type PropertyChange, parseMessage } from "../codec/message.ts";
import type { Right } from "../config.ts";
import { badArgument, messageNotFound, notImplemented } from "../errors.ts";
import type { Message } from "../queue/message.ts";
import type { Queue } from "../queue/queue.ts";
import type { Settlement, SubQueue } from "../queue/subqueue.ts";
import type { Peer } from "./peer.ts";
import { type Reply, serveRequests } from "./requests.ts";
import { encodeTyped, types } from "./rhea.ts";

type Body = Readonly<Record<string, unknown>>;
type Respond = (body?: object) => void;
interface Target {
  queue: Queue;
  subqueue: SubQueue;
}

const LONG = 0x81;
const TIMESTAMP = 0x83;
const RECEIVE_AND_DELETE = 0;
const NO_TOKEN = Buffer.alloc(16);
const NO_CONTENT: Reply = { status: 204, description: "No Content" };

/** Each operation answers with a body, with an empty one, or, called without, with "no content". */
const operations: Record<
  string,
  { right: Right; run: (target: Target, body: Body, respond: Respond) => void }
> = {
  "com.microsoft:peek-message": { right: "Listen", run: peek },
  "com.microsoft:renew-lock": { right: "Listen", run: renewLocks },
  "com.microsoft:receive-by-sequence-number": { right: "Listen", run: receiveDeferred },
  "com.microsoft:update-disposition": { right: "Listen", run: updateDisposition },
  "com.microsoft:schedule-message": { right: "Send", run: schedule },
  "com.microsoft:cancel-scheduled-message": { right: "Send", run: cancelScheduled },
};

/** Serves `<queue>/$management`. Replies leave when what they report is durable. */
export function serveManagement(peer: Peer, link: Receiver, target: Target, path: string): void {
  serveRequests(peer, link, "camelCase", ({ operation, body }, reply) => {
    const { right, run } = operations[String(operation)] ?? {};
    if (!right || !run) throw notImplemented(`The operation ${operation}`);
    peer.claims.demand(path, right);
    run(target, (body ?? {}) as Body, (answer) =>
      reply(answer ? { status: 200, description: "OK", body: answer } : NO_CONTENT),
    );
  });
}

function peek({ subqueue }: Target, body: Body, respond: Respond): void {
  const from = toNumber(body["from-sequence-number"]);
  const found = subqueue.browse(from, toNumber(body["message-count"]));
  const messages = found.map((message) => ({ message: subqueue.render(message) }));
  respond(messages.length > 0 ? { messages } : undefined);
}

function renewLocks({ subqueue }: Target, body: Body, respond: Respond): void {
  const expirations = tokensOf(body).map((token) => subqueue.renew(token));
  respond({ expirations: types.wrap_array(expirations, TIMESTAMP) });
}

function schedule({ queue }: Target, body: Body, respond: Respond): void {
  const messages = listOf(body, "messages").map((entry) => {
    const bytes = (entry as { message?: unknown }).message;
    if (!Buffer.isBuffer(bytes)) throw badArgument("messages: each needs its encoded message");
    queue.checkSize(bytes.length);
    return parseMessage(bytes);
  });
  queue.enqueue(messages, (sequenceNumbers) =>
    respond({ "sequence-numbers": types.wrap_array(sequenceNumbers, LONG) }),
  );
}

function cancelScheduled({ queue }: Target, body: Body, respond: Respond): void {
  queue.cancelScheduled(listOf(body, "sequence-numbers").map(toNumber), () => respond({}));
}

function receiveDeferred({ queue, subqueue }: Target, body: Body, respond: Respond): void {
  const found = listOf(body, "sequence-numbers").map((value) => {
    const message = subqueue.find(toNumber(value), "deferred");
    if (!message) throw messageNotFound(toNumber(value), "deferred");
    return message;
  });
  const take = (message: Message) => {
    if (body["receiver-settle-mode"] === RECEIVE_AND_DELETE) {
      const bytes = subqueue.render(message);
      subqueue.delete(message);
      return { message: bytes, "lock-token": types.wrap_uuid(NO_TOKEN) };
    }
    const { token, until } = subqueue.lock(message);
    const bytes = subqueue.render(message, { lockedUntil: until, lockToken: token });
    return { message: bytes, "lock-token": types.wrap_uuid(token) };
  };
  const messages = [...new Set(found)].map(take);
  queue.store.afterCommit(() => respond({ messages }));
}

function updateDisposition({ subqueue }: Target, body: Body, respond: Respond): void {
  const settlement = readSettlement(body);
  const locks = tokensOf(body).map((token) => subqueue.findLock(token));
  let open = locks.length;
  for (const lock of locks)
    subqueue.settle(lock, settlement, () => {
      if (--open === 0) respond({});
    });
}

function readSettlement(body: Body): Settlement {
  const changes = Object.entries((body["properties-to-modify"] ?? {}) as Body)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]): PropertyChange => [name, encodeTyped(types.wrap(value))]);
  switch (body["disposition-status"]) {
    case "completed":
      return { kind: "complete" };
    case "abandoned":
      return { kind: "abandon", changes };
    // The protocol's spelling.
    case "defered":
      return { kind: "defer", changes };
    case "suspended": {
      const reason = optionalText(body["deadletter-reason"]);
      const description = optionalText(body["deadletter-description"]);
      return { kind: "deadLetter", reason: { reason, description }, changes };
    }
    default:
      throw badArgument(`disposition-status '${body["disposition-status"]}' is not known`);
  }
}

const optionalText = (value: unknown) => (typeof value === "string" ? value : undefined);

function tokensOf(body: Body): Buffer[] {
  return listOf(body, "lock-tokens").map((token) => {
    if (!Buffer.isBuffer(token)) throw badArgument("lock-tokens must be an array of uuid");
    return token;
  });
}

function listOf(body: Body, field: string): readonly unknown[] {
  const list = body[field];
  if (!Array.isArray(list)) throw badArgument(`${field} must be an array`);
  return list;
}

/** rhea gives longs as numbers while they are safe, else as 8 bytes. */
function toNumber(value: unknown): number {
  const number = Buffer.isBuffer(value) ? Number(value.readBigInt64BE(0)) : Number(value);
  if (Number.isNaN(number)) throw badArgument("a number was expected");
  return number;
}
