import type { DeliveryFacts } from "../codec/message.ts";
import type { Lock } from "./lock-table.ts";

/** Not in a heap. */
export const NO_SLOT = -1;

/**
 * A message of a queue without its content, which stays in the store until it is delivered: a backlog of any length needs little
 * memory, and a restart reads no contents at all. `held`: locked by a receiver, or on its way to another state until that is committed.
 * Times are milliseconds since 1970; `expiresAt` is Infinity for messages that live for ever.
 */
export interface Message extends Omit<DeliveryFacts, "state"> {
  readonly id: number;
  /** Bytes, for the size limit of the queue. */
  size: number;
  expiresAt: number;
  state: "ready" | "held" | "deferred" | "scheduled";
  lock: Lock | undefined;
  /** Positions in the heaps of the ready and of the due messages. */
  readySlot: number;
  dueSlot: number;
}

/** When something happens to a message by itself: its activation while scheduled, else its expiry. */
export const dueTime = (message: Message): number =>
  message.state === "scheduled" ? (message.scheduledAt as number) : message.expiresAt;

/** What a delivery tells: a message that was scheduled keeps that state after its activation, as in the real service. */
export function deliveryFacts(message: Message): DeliveryFacts {
  const deferred = message.state === "deferred" || message.lock?.wasDeferred;
  const state = deferred ? "deferred" : message.scheduledAt === undefined ? "active" : "scheduled";
  return { ...message, state };
}
