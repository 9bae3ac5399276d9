import type { Container, EventContext, Link, Receiver, Sender } from "rhea-server";
import type { Connection as ConnectionType } from "rhea-server/lib/connection.js";
import type { Right } from "../config.ts";
import { entityNotFound, notAllowed, toServiceBusError } from "../errors.ts";
import type { Queue } from "../queue/queue.ts";
import { parseAddress } from "./address.ts";
import { serveCbs } from "./cbs.ts";
import { serveConsumer } from "./consumer.ts";
import { serveManagement } from "./management.ts";
import {
  agreeOnSettlement,
  agreeOnTermini,
  type BrokerContext,
  closeExpiredLinks,
  newPeer,
  type Peer,
  refuse,
} from "./peer.ts";
import { servePublisher } from "./publisher.ts";
import { Connection, rhea, type Transport } from "./rhea.ts";

const CONNECTION_OPTIONS = {
  receiver_options: { autoaccept: false, credit_window: 0 },
  sender_options: { autosettle: false, treat_modified_as_released: false },
  idle_time_out: 120_000,
  max_frame_size: 65_536,
  channel_max: 4_999,
  tcp_no_delay: true,
  reconnect: false,
};
const SESSION_FILTER = "com.microsoft:session-filter";

export interface AmqpServer {
  /** Speaks AMQP on a connection. */
  accept(transport: Transport): void;
  /** Ends links whose token ran out; to be called about once a second. */
  sweep(): void;
  /** Tells every client that the broker goes away and ends the sockets. */
  close(): void;
}

export function createAmqpServer(broker: BrokerContext): AmqpServer {
  const { log } = broker;
  const container = rhea.create_container({ id: "longshore-service-bus" });
  offerAnonymousSasl(container);
  const peers = new Map<ConnectionType, Peer>();

  const linkGone = (peer: Peer, link: Link) => {
    peer.guarded.delete(link);
    peer.replyLinks.delete(link as Sender);
    peer.onGone.get(link)?.();
    peer.onGone.delete(link);
  };
  const connectionGone = ({ connection }: EventContext) => {
    const peer = peers.get(connection);
    if (!peer) return;
    peers.delete(connection);
    for (const gone of peer.onGone.values()) gone();
    log.debug({ client: connection.container_id }, "connection.closed");
  };

  container.on("connection_open", ({ connection }: EventContext) => {
    peers.set(connection, newPeer(broker, connection));
    log.debug({ client: connection.container_id }, "connection.opened");
  });
  container.on("connection_close", connectionGone);
  container.on("disconnected", connectionGone);
  // rhea has a name for each end of a link: "receiver" is ours, where the client sends.
  container.on("receiver_open", ({ connection, receiver }: EventContext) => {
    const peer = peers.get(connection);
    if (peer) openLink(peer, receiver, () => openForSending(peer, receiver));
  });
  container.on("sender_open", ({ connection, sender }: EventContext) => {
    const peer = peers.get(connection);
    if (peer) openLink(peer, sender, () => openForReceiving(peer, sender));
  });
  for (const event of ["close", "error"])
    for (const end of ["sender", "receiver"] as const)
      container.on(`${end}_${event}`, (context: EventContext) => {
        const peer = peers.get(context.connection);
        if (peer) linkGone(peer, context[end]);
      });
  container.on("session_open", () => {});
  container.on("session_error", () => {});
  container.on("session_close", ({ connection, session }: EventContext) => {
    const peer = peers.get(connection);
    if (peer) for (const link of Object.values(session.links)) linkGone(peer, link);
  });
  for (const event of ["connection_error", "protocol_error", "error"])
    container.on(event, (problem: { error?: Error; message?: string }) =>
      log.warn({ event, problem: problem.error?.message ?? problem.message }, "connection.failed"),
    );

  return {
    accept(transport) {
      const connection = new Connection(CONNECTION_OPTIONS, container).accept(transport);
      // rhea only looks for "end" and "error"; a socket that is destroyed would keep its heartbeat timers.
      transport.once("close", () => connection.eof());
    },
    sweep() {
      for (const peer of peers.values()) closeExpiredLinks(peer);
    },
    close() {
      const description = "The broker is shutting down.";
      for (const { connection } of peers.values())
        connection.close({ condition: "amqp:connection:forced", description });
    },
  };
}

/** Clients show who they are on `$cbs`, so SASL is a formality. .NET and Java ask for MSSBCBS, JavaScript for ANONYMOUS. */
function offerAnonymousSasl({ sasl_server_mechanisms: mechanisms }: Container): void {
  mechanisms.enable_anonymous();
  mechanisms.MSSBCBS = () => ({
    outcome: undefined as boolean | undefined,
    start() {
      this.outcome = true;
    },
  });
}

function openLink(peer: Peer, link: Link, open: () => void): void {
  try {
    agreeOnSettlement(link);
    open();
  } catch (cause) {
    const { log } = peer.broker;
    const error = toServiceBusError(cause);
    if (error !== cause) log.error({ err: cause, link: link.name }, "link.failed");
    else log.info({ link: link.name, condition: error.condition }, "link.refused");
    refuse(link, error);
  }
}

function openForSending(peer: Peer, link: Receiver): void {
  const address = parseAddress(link.remote.attach.target?.address);
  if (address.kind === "cbs") serveCbs(peer, link);
  else if (address.kind === "management") {
    peer.claims.demand(address.path);
    const queue = findQueue(peer, address.queue);
    const subqueue = address.deadLetter ? queue.deadLetters : queue.main;
    serveManagement(peer, link, { queue, subqueue }, address.path);
  } else {
    const queue = guard(peer, link, address, "Send");
    if (address.deadLetter) throw notAllowed("Sending to a dead-letter queue is not allowed.");
    servePublisher(peer, link, queue, address.path);
  }
}

function openForReceiving(peer: Peer, link: Sender): void {
  const { source } = link.remote.attach;
  const address = parseAddress(source?.address);
  if (address.kind === "queue") {
    const queue = guard(peer, link, address, "Listen");
    if (source?.filter && SESSION_FILTER in source.filter)
      throw notAllowed(
        "A sessionful message receiver cannot be created on an entity that does not require sessions.",
      );
    serveConsumer(peer, link, address.deadLetter ? queue.deadLetters : queue.main);
  } else {
    if (address.kind === "management") peer.claims.demand(address.path);
    peer.replyLinks.add(link);
    agreeOnTermini(link);
  }
}

/** The queue, if the client has the right for it; the link then ends when the right does. */
function guard(
  peer: Peer,
  link: Link,
  address: { path: string; queue: string },
  right: Right,
): Queue {
  peer.claims.demand(address.path, right);
  const queue = findQueue(peer, address.queue);
  peer.guarded.set(link, { address: address.path, right });
  return queue;
}

function findQueue(peer: Peer, name: string): Queue {
  const queue = peer.broker.queues.get(name.toLowerCase());
  if (!queue) throw entityNotFound(name);
  return queue;
}
