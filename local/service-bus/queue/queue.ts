import { randomUUID } from "node:crypto";
import { encodeString } from "../codec/encoder.ts";
import {
  assignMessageId,
  type IncomingMessage,
  type PropertyChange,
  withApplicationProperties,
} from "../codec/message.ts";
import type { QueueSettings } from "../config.ts";
import { messageNotFound, messageTooLarge, queueFull } from "../errors.ts";
import type { MessageRow, Store } from "../store.ts";
import { DuplicateWindow } from "./duplicate-window.ts";
import { type Message, NO_SLOT } from "./message.ts";
import { type DeadLetterReason, SubQueue, type SubQueueOwner } from "./subqueue.ts";

const FOR_EVER = Number.POSITIVE_INFINITY;
/** Sequence numbers are reserved in blocks: a crash leaves a gap, never a number used twice. */
const SEQUENCE_BLOCK = 1_000;
const orNull = (time: number): number | null => (time === FOR_EVER ? null : time);
const NO_ANNOTATIONS = Buffer.alloc(0);
const ownCopy = (bytes: Uint8Array | null) => (bytes?.length ? Buffer.from(bytes) : NO_ANNOTATIONS);
const flag = (value: boolean | undefined): number | null => (value === undefined ? null : +value);

/** One queue with its dead-letter queue. */
export class Queue implements SubQueueOwner {
  readonly settings: QueueSettings;
  readonly store: Store;
  readonly main: SubQueue;
  readonly deadLetters: SubQueue;
  readonly maxMessageSize: number;
  readonly id: number;
  readonly #seen: DuplicateWindow | undefined;
  #nextSequenceNumber: number;
  #reservedUpTo: number;
  #bytes = 0;

  /** Opens the queue, still without the messages that the store holds. */
  constructor(settings: QueueSettings, store: Store) {
    this.settings = settings;
    this.store = store;
    this.maxMessageSize = settings.maxMessageSizeInKilobytes * 1_024;
    this.main = new SubQueue(this, false);
    this.deadLetters = new SubQueue(this, true);
    const { id, nextSequenceNumber } = store.openQueue(settings.name);
    this.id = id;
    this.#nextSequenceNumber = this.#reservedUpTo = nextSequenceNumber;
    if (settings.requiresDuplicateDetection)
      this.#seen = new DuplicateWindow(store, id, settings.duplicateDetectionHistoryTimeWindow);
  }

  /** Takes in a message that is in the store already. */
  restore(row: MessageRow): void {
    const message = fromRow(row);
    this.#bytes += message.size;
    (row.dead_letter ? this.deadLetters : this.main).add(message);
  }

  /** What the contents of all messages take. */
  get bytes(): number {
    return this.#bytes;
  }

  get lockDuration(): number {
    return this.settings.lockDuration;
  }

  get maxDeliveryCount(): number {
    return this.settings.maxDeliveryCount;
  }

  /** Refuses what a sender's link must not carry: a message or a whole batch, in bytes. */
  checkSize(size: number): void {
    if (size > this.maxMessageSize) throw messageTooLarge(size, this.maxMessageSize);
  }

  /**
   * Takes messages in, all or none. `done` gets their sequence numbers when they are durable; a message that was seen
   * within the duplicate window is dropped without a word, as in the real service, and has the number 0.
   */
  enqueue(messages: readonly IncomingMessage[], done: (sequenceNumbers: number[]) => void): void {
    const size = messages.reduce((sum, { bare }) => sum + bare.length, 0);
    if (this.#bytes + size > this.settings.maxSizeInMegabytes * 1_048_576)
      throw queueFull(this.settings.name);
    const now = Date.now();
    const accepted = messages.map((incoming) => {
      if (incoming.messageKey === undefined)
        assignMessageId(incoming, randomUUID().replaceAll("-", ""));
      const isNew = this.#seen?.admit(incoming.messageKey as string, now) ?? true;
      return isNew ? this.#insert(incoming, now) : undefined;
    });
    this.store.afterCommit(() => {
      for (const message of accepted) if (message) this.main.add(message);
      done(accepted.map((message) => message?.sequenceNumber ?? 0));
      this.main.dispatcher.pump();
    });
  }

  cancelScheduled(sequenceNumbers: readonly number[], done: () => void): void {
    const messages = [...new Set(sequenceNumbers)].map((sequenceNumber) => {
      const message = this.main.find(sequenceNumber, "scheduled");
      if (!message) throw messageNotFound(sequenceNumber, "scheduled");
      return message;
    });
    for (const message of messages) this.main.delete(message);
    this.store.afterCommit(done);
  }

  tick(now: number): void {
    this.main.tick(now);
    this.deadLetters.tick(now);
    this.#seen?.forgetOld(now);
  }

  activate(message: Message, now: number): void {
    this.main.remove(message);
    message.state = "held";
    message.sequenceNumber = this.#newSequenceNumber();
    message.enqueuedAt = now;
    message.expiresAt = now + this.#timeToLive(message.header.ttl);
    this.main.add(message);
    const { sequenceNumber, expiresAt, id } = message;
    this.store.write("activate", sequenceNumber, now, orNull(expiresAt), id);
    this.store.afterCommit(() => {
      this.main.makeReady(message);
      this.main.dispatcher.pump();
    });
  }

  expire(message: Message): void {
    if (!this.settings.deadLetteringOnMessageExpiration) this.main.delete(message);
    else {
      const description = "The message expired and was dead lettered.";
      this.deadLetter(message, { reason: "TTLExpiredException", description }, [], () => {});
    }
  }

  deadLetter(
    message: Message,
    { reason, description }: DeadLetterReason,
    changes: readonly PropertyChange[],
    done: () => void,
  ): void {
    const properties = [...changes];
    if (reason !== undefined) properties.push(["DeadLetterReason", encodeString(reason)]);
    if (description !== undefined)
      properties.push(["DeadLetterErrorDescription", encodeString(description)]);
    const bare = withApplicationProperties(this.store.bareOf(message.id), properties);
    this.main.remove(message);
    message.state = "held";
    message.expiresAt = FOR_EVER;
    this.store.write("setBare", bare, message.id);
    this.store.write("deadLetter", message.deliveryCount, message.id);
    this.store.afterCommit(() => {
      message.state = "ready";
      this.deadLetters.add(message);
      done();
      this.deadLetters.dispatcher.pump();
    });
  }

  discard(message: Message): void {
    this.#bytes -= message.size;
    this.store.write("remove", message.id);
  }

  #insert(incoming: IncomingMessage, now: number): Message {
    const { header, annotations, bare } = incoming;
    const scheduled = incoming.scheduledAt !== undefined && incoming.scheduledAt > now;
    const message: Message = {
      id: this.store.newMessageId(),
      header,
      annotations: ownCopy(annotations),
      sequenceNumber: this.#newSequenceNumber(),
      enqueuedAt: now,
      scheduledAt: incoming.scheduledAt,
      expiresAt: scheduled ? FOR_EVER : now + this.#timeToLive(header.ttl),
      deliveryCount: 0,
      state: scheduled ? "scheduled" : "ready",
      size: bare.length,
      lock: undefined,
      readySlot: NO_SLOT,
      dueSlot: NO_SLOT,
    };
    this.#bytes += message.size;
    this.store.write(
      "insert",
      message.id,
      this.id,
      message.sequenceNumber,
      message.state,
      now,
      orNull(message.expiresAt),
      message.scheduledAt ?? null,
      +header.durable,
      header.priority ?? null,
      header.ttl ?? null,
      flag(header.firstAcquirer),
      message.annotations,
      bare,
    );
    return message;
  }

  #newSequenceNumber(): number {
    if (this.#nextSequenceNumber >= this.#reservedUpTo) {
      this.#reservedUpTo = this.#nextSequenceNumber + SEQUENCE_BLOCK;
      this.store.write("reserveSequenceNumbers", this.#reservedUpTo, this.id);
    }
    return this.#nextSequenceNumber++;
  }

  /** Milliseconds; the queue's default is also the ceiling (MS docs: message-expiration). */
  #timeToLive(ttl: number | undefined): number {
    return Math.min(ttl ?? FOR_EVER, this.settings.defaultMessageTimeToLive);
  }
}

function fromRow(row: MessageRow): Message {
  return {
    id: row.id,
    header: {
      durable: row.durable === 1,
      priority: row.priority ?? undefined,
      ttl: row.ttl ?? undefined,
      firstAcquirer: row.first_acquirer === null ? undefined : row.first_acquirer === 1,
    },
    annotations: ownCopy(row.annotations),
    sequenceNumber: row.sequence_number,
    enqueuedAt: row.enqueued_at,
    scheduledAt: row.scheduled_at ?? undefined,
    expiresAt: row.expires_at ?? FOR_EVER,
    deliveryCount: row.delivery_count,
    state: row.state,
    size: row.size,
    lock: undefined,
    readySlot: NO_SLOT,
    dueSlot: NO_SLOT,
  };
}
