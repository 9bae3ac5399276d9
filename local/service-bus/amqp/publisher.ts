import type { EventContext, Receiver } from "rhea-server";
import { parseMessage, splitBatch } from "../codec/message.ts";
import { ServiceBusError, toServiceBusError } from "../errors.ts";
import type { Queue } from "../queue/queue.ts";
import { agreeOnTermini, guardLink, type Peer } from "./peer.ts";
import { accepted, rejected } from "./rhea.ts";

const CREDIT = 1_000;
/** The SDK's batches: each data section of the transfer is a whole message. */
const BATCH_FORMAT = 0x80013700;

/** Serves a link on which the client sends to a queue. A transfer is accepted once its messages are durable. */
export function servePublisher(peer: Peer, link: Receiver, queue: Queue, address: string): void {
  link.local.attach.max_message_size = queue.maxMessageSize;
  agreeOnTermini(link);
  link.add_credit(CREDIT);
  link.on(
    "message",
    guardLink(peer, link, ({ delivery, message: bytes, format }: EventContext) => {
      if (link.credit <= CREDIT / 2) link.add_credit(CREDIT - link.credit);
      try {
        peer.claims.demand(address, "Send");
        queue.checkSize(bytes.length);
        queue.enqueue(parseTransfer(bytes, format), () => delivery.update(true, accepted()));
      } catch (error) {
        delivery.update(true, rejected(toServiceBusError(error)));
      }
    }),
  );
}

function parseTransfer(bytes: Buffer, format: number | undefined) {
  try {
    return (format === BATCH_FORMAT ? splitBatch(bytes) : [bytes]).map(parseMessage);
  } catch (error) {
    throw new ServiceBusError("amqp:decode-error", (error as Error).message, 400);
  }
}
