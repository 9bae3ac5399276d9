import type { DecodedMessage, EventContext, Receiver, Sender } from "rhea-server";
import { type ServiceBusError, toServiceBusError } from "../errors.ts";
import { agreeOnTermini, guardLink, type Peer } from "./peer.ts";
import { accepted, decodeMessage, types } from "./rhea.ts";

export interface Request {
  operation: unknown;
  properties: Readonly<Record<string, unknown>>;
  body: unknown;
}

export interface Reply {
  status: number;
  description: string;
  body?: object;
  error?: ServiceBusError;
}

/** How a node writes the status of a reply: `$cbs` with dashes, `$management` in camel case. */
export type ReplyStyle = "dashed" | "camelCase";

const CREDIT = 100;

/** Serves a link on which requests come in. `answer` replies once, now or later; what it throws is the reply. */
export function serveRequests(
  peer: Peer,
  link: Receiver,
  style: ReplyStyle,
  answer: (request: Request, reply: (reply: Reply) => void) => void,
): void {
  agreeOnTermini(link);
  link.add_credit(CREDIT);
  link.on(
    "message",
    guardLink(peer, link, ({ delivery, message }: EventContext) => {
      delivery.update(true, accepted());
      if (link.credit <= CREDIT / 2) link.add_credit(CREDIT - link.credit);
      const request = decodeMessage(message);
      const properties = request.application_properties ?? {};
      const respond = (reply: Reply) => sendReply(peer, link, request, reply, style);
      try {
        answer({ operation: properties.operation, properties, body: request.body }, respond);
      } catch (cause) {
        const error = toServiceBusError(cause);
        if (error !== cause) peer.broker.log.error({ err: cause }, "request.failed");
        respond({ status: error.status, description: error.message, error });
      }
    }),
  );
}

function sendReply(
  peer: Peer,
  link: Receiver,
  request: DecodedMessage,
  { status, description, body, error }: Reply,
  style: ReplyStyle,
): void {
  const replyLink = findReplyLink(peer, link, request.reply_to);
  if (!replyLink?.is_open()) return;
  const [statusKey, descriptionKey, errorKey] =
    style === "dashed"
      ? ["status-code", "status-description", "error-condition"]
      : ["statusCode", "statusDescription", "errorCondition"];
  const trackingId = request.application_properties?.["com.microsoft:tracking-id"];
  const delivery = replyLink.send({
    correlation_id: request.message_id,
    application_properties: {
      [statusKey as string]: types.wrap_int(status),
      [descriptionKey as string]: description,
      ...(error && { [errorKey as string]: types.wrap_symbol(error.condition) }),
      ...(trackingId !== undefined && { "com.microsoft:tracking-id": trackingId }),
    },
    body: body ?? {},
  });
  delivery.settled = true;
}

/**
 * The link that was named in `reply_to`, by its name or its target. Some clients (uamqp) name none on `$cbs`: then it is
 * the one whose source is the address the request was sent to. Links of the same session come first.
 */
function findReplyLink(peer: Peer, link: Receiver, replyTo: string | undefined) {
  const candidates = [...peer.replyLinks].sort(
    (a, b) => Number(b.session === link.session) - Number(a.session === link.session),
  );
  const named = (candidate: Sender) =>
    candidate.name === replyTo || candidate.remote.attach.target?.address === replyTo;
  const node = link.remote.attach.target?.address;
  return (
    (replyTo === undefined ? undefined : candidates.find(named)) ??
    candidates.find((candidate) => candidate.remote.attach.source?.address === node)
  );
}
