import type { Delivery, EventContext, Outcome, Sender, Typed } from "rhea-server";
import type { PropertyChange } from "../codec/message.ts";
import { toServiceBusError } from "../errors.ts";
import type { Lock } from "../queue/lock-table.ts";
import type { Receiver, Settlement, SubQueue } from "../queue/subqueue.ts";
import { agreeOnTermini, guardLink, type Peer } from "./peer.ts";
import { accepted, encodeTyped, rejected } from "./rhea.ts";

/** AMQP snd-settle-mode "settled": the client wants receiveAndDelete. */
const PRE_SETTLED = 1;

/** Serves a link on which the client receives from a queue or a dead-letter queue. */
export function serveConsumer(peer: Peer, link: Sender, subqueue: SubQueue): void {
  const mode = link.remote.attach.snd_settle_mode === PRE_SETTLED ? "receiveAndDelete" : "peekLock";
  const locks = new WeakMap<Delivery, Lock>();
  const drain = answerDrains(link);
  let handedOver = 0;
  let reserved = 0;

  const receiver: Receiver = {
    mode,
    capacity() {
      if (!link.is_open()) return 0;
      // rhea counts a delivery against the credit only when its frames are written.
      const unwritten = handedOver - (link.delivery_count - drain.givenBack());
      return Math.min(link.credit - unwritten, link.session.outgoing.available()) - reserved;
    },
    reserve() {
      reserved++;
      return () => {
        reserved--;
      };
    },
    deliver(bytes, lock) {
      if (!link.is_open()) return;
      handedOver++;
      const tag = lock ? toDotNetOrder(lock.token) : Buffer.from(String(handedOver));
      const delivery = link.send(bytes, tag, 0);
      if (lock) locks.set(delivery, lock);
    },
  };

  const wake = () => subqueue.dispatcher.wake(receiver);
  const settle = (read: (outcome: Outcome) => Settlement) =>
    guardLink(peer, link, ({ delivery }: EventContext) => {
      const lock = locks.get(delivery);
      if (!lock) return;
      locks.delete(delivery);
      const answer = (state: Typed) => {
        delivery.update(true, state);
        // The client settled in its disposition; rhea frees the delivery's place only when it knows.
        delivery.remote_settled = true;
        wake();
      };
      try {
        subqueue.settle(lock, read(delivery.remote_state), () => answer(accepted()));
      } catch (error) {
        answer(rejected(toServiceBusError(error)));
      }
    });

  agreeOnTermini(link);
  link.on("sender_flow", guardLink(peer, link, wake));
  link.on("sendable", guardLink(peer, link, wake));
  link.on(
    "sender_draining",
    guardLink(peer, link, () => {
      wake();
      // What waits for a commit is still to come before the answer.
      if (reserved > 0) peer.broker.store.afterCommit(drain.answer);
      else drain.answer();
    }),
  );
  link.on(
    "accepted",
    settle(() => ({ kind: "complete" })),
  );
  link.on(
    "released",
    settle(() => ({ kind: "release" })),
  );
  link.on("modified", settle(readModified));
  link.on("rejected", settle(readRejected));
  // Locks outlive the link: the client may still settle through $management.
  peer.onGone.set(link, () => subqueue.dispatcher.leave(receiver));
}

/**
 * Answers every drain with a flow frame, also when no credit is left to give back: rhea keeps silent then, and the SDK
 * waits and closes the link. The frame is written behind all transfers of the same turn.
 */
function answerDrains(link: Sender) {
  let due = false;
  let givenBack = 0;
  link._get_drain = () => {
    if (!due) return false;
    due = false;
    givenBack += link.credit;
    link.delivery_count += link.credit;
    link.credit = 0;
    return true;
  };
  return {
    /** How much of the delivery count is credit that was given back. */
    givenBack: () => givenBack,
    answer(): void {
      due = true;
      link.issue_flow = true;
      link.connection._register();
    },
  };
}

function readModified(outcome: Outcome): Settlement {
  const changes = readChanges(outcome.value[2]);
  return { kind: outcome.undeliverable_here ? "defer" : "abandon", changes };
}

/** The fields of the error's `info` map are the dead-letter reason and changes to the application properties. */
function readRejected(outcome: Outcome): Settlement {
  const error = outcome.value[0]?.value as readonly Typed[] | undefined;
  const reason: { reason?: string; description?: string } = {};
  const changes = readChanges(error?.[2], (name, value) => {
    if (name === "DeadLetterReason") reason.reason = String(value);
    else if (name === "DeadLetterErrorDescription") reason.description = String(value);
    else return false;
    return true;
  });
  return { kind: "deadLetter", reason, changes };
}

function readChanges(
  map: Typed | undefined,
  takeOut: (name: string, value: unknown) => boolean = () => false,
): PropertyChange[] {
  const entries = (map?.value ?? []) as readonly Typed[];
  const changes: PropertyChange[] = [];
  for (let i = 0; i + 1 < entries.length; i += 2) {
    const name = String(entries[i]?.value);
    const value = entries[i + 1] as Typed;
    if (value.value === null || value.value === undefined || takeOut(name, value.value)) continue;
    changes.push([name, encodeTyped(value)]);
  }
  return changes;
}

/** Delivery tags are lock tokens in the byte order of a .NET Guid: the first three groups little-endian. */
function toDotNetOrder(token: Buffer): Buffer {
  const tag = Buffer.from(token);
  tag.subarray(0, 4).reverse();
  tag.subarray(4, 6).reverse();
  tag.subarray(6, 8).reverse();
  return tag;
}
