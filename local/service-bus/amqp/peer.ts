import type { Logger } from "pino";
import type { Link, Receiver, Sender } from "rhea-server";
import type { Connection } from "rhea-server/lib/connection.js";
import { Claims } from "../auth/claims.ts";
import type { Policy, Right } from "../config.ts";
import { missingClaim, type ServiceBusError, toServiceBusError } from "../errors.ts";
import type { Queue } from "../queue/queue.ts";
import type { Store } from "../store.ts";

/** What all links of the broker share. */
export interface BrokerContext {
  readonly policies: readonly Policy[];
  readonly queues: ReadonlyMap<string, Queue>;
  readonly store: Store;
  readonly log: Logger;
}

/** A connected client: its claims and its links. */
export interface Peer {
  readonly broker: BrokerContext;
  readonly connection: Connection;
  readonly claims: Claims;
  /** Links that live only as long as the right for their address does. */
  readonly guarded: Map<Link, { address: string; right: Right }>;
  /** Links on which replies of `$cbs` and `$management` go out. */
  readonly replyLinks: Set<Sender>;
  /** Called once when the link or the connection ends. */
  readonly onGone: Map<Link, () => void>;
}

export const newPeer = (broker: BrokerContext, connection: Connection): Peer => ({
  broker,
  connection,
  claims: new Claims(),
  guarded: new Map(),
  replyLinks: new Set(),
  onGone: new Map(),
});

/** Accepts the client's wish for how deliveries are settled. */
export function agreeOnSettlement(link: Link): void {
  const { snd_settle_mode, rcv_settle_mode } = link.remote.attach;
  if (snd_settle_mode !== undefined) link.local.attach.snd_settle_mode = snd_settle_mode;
  if (rcv_settle_mode !== undefined) link.local.attach.rcv_settle_mode = rcv_settle_mode;
}

/** Mirrors source and target, which is how an attach is agreed to. */
export function agreeOnTermini(link: Link, filter?: Record<string, unknown>): void {
  const { source, target } = link.remote.attach;
  link.set_source({ ...addressOf(source), ...(filter && { filter }) });
  link.set_target(addressOf(target));
}

const addressOf = (terminus: { readonly address?: string } | undefined) =>
  typeof terminus?.address === "string" ? { address: terminus.address } : {};

/** Refuses an attach: answered without source and target, then detached with the error (AMQP part 2, section 2.6.3). */
export function refuse(link: Link, error: ServiceBusError): void {
  link.local.attach.source = undefined;
  link.local.attach.target = undefined;
  link.close({ condition: error.condition, description: error.message });
}

/**
 * Runs the handler of a link event. An error meant for the client ends the link with it, any other is logged as well.
 */
export function guardLink<C>(peer: Peer, link: Sender | Receiver, handle: (context: C) => void) {
  return (context: C): void => {
    try {
      handle(context);
    } catch (cause) {
      const error = toServiceBusError(cause);
      if (error !== cause) peer.broker.log.error({ err: cause, link: link.name }, "link.failed");
      link.close({ condition: error.condition, description: error.message });
    }
  };
}

/** Ends the links whose token ran out. */
export function closeExpiredLinks(peer: Peer): void {
  for (const [link, { address, right }] of peer.guarded) {
    if (peer.claims.allow(address, right)) continue;
    peer.guarded.delete(link);
    const { condition, message } = missingClaim(right, address);
    link.close({ condition, description: `ExpiredToken: ${message}` });
  }
}
