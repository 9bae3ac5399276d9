// A message stays the bytes its sender wrote: decoding and encoding again would lose AMQP types (int, uint and long are
// all numbers in JavaScript). The broker reads the header, the annotations and the message id, and writes the first two
// anew for every delivery in front of the untouched bare message (AMQP 1.0 part 3, section 3.2).
import { Encoder, encodeString, encodeSymbol } from "./encoder.ts";
import { elements, read, SECTION, type Section, sections, skip } from "./values.ts";

export interface MessageHeader {
  durable: boolean;
  priority: number | undefined;
  /** Milliseconds. */
  ttl: number | undefined;
  firstAcquirer: boolean | undefined;
}

/** What a sender hands in, taken apart as far as the broker needs. */
export interface IncomingMessage {
  header: MessageHeader;
  /** Keys and values, encoded, of the annotations that are passed on as they are. */
  annotations: Buffer;
  /** Milliseconds since 1970. */
  scheduledAt: number | undefined;
  /** The message id in a form that tells types apart: the string "1" is not the number 1. */
  messageKey: string | undefined;
  /** Properties, application properties, body and footer. */
  bare: Buffer;
}

/** What a delivery tells about a message beside the bare message. */
export interface DeliveryFacts {
  header: MessageHeader;
  annotations: Buffer;
  sequenceNumber: number;
  enqueuedAt: number;
  scheduledAt: number | undefined;
  deliveryCount: number;
  state: "active" | "deferred" | "scheduled";
}

export interface DeliveryOptions {
  lockedUntil?: number;
  /** Written as a delivery annotation: how Python and .NET learn the token of a deferred message. */
  lockToken?: Buffer;
}

/** A name and an encoded value to be set in the application properties. */
export type PropertyChange = readonly [name: string, value: Buffer];

const BROKER_ANNOTATIONS = [
  "x-opt-sequence-number",
  "x-opt-enqueued-time",
  "x-opt-enqueue-sequence-number",
  "x-opt-message-state",
  "x-opt-locked-until",
  "x-opt-scheduled-enqueue-time",
] as const;
const OWN = new Set<unknown>(BROKER_ANNOTATIONS);
const [SEQUENCE_NUMBER, ENQUEUED, ENQUEUE_SEQUENCE, STATE, LOCKED_UNTIL, SCHEDULED] =
  BROKER_ANNOTATIONS.map(encodeSymbol) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
const LOCK_TOKEN = encodeSymbol("x-opt-lock-token");
const STATE_CODE = { active: 0, deferred: 1, scheduled: 2 } as const;
const NOTHING = Buffer.alloc(0);

const out = new Encoder();

/** Takes an encoded message apart. Throws a RangeError when it is not a well-formed AMQP message. */
export function parseMessage(bytes: Buffer): IncomingMessage {
  const message: IncomingMessage = {
    header: { durable: true, priority: undefined, ttl: undefined, firstAcquirer: undefined },
    annotations: NOTHING,
    scheduledAt: undefined,
    messageKey: undefined,
    bare: NOTHING,
  };
  for (const section of sections(bytes)) {
    if (section.code === SECTION.header) message.header = readHeader(bytes, section);
    else if (section.code === SECTION.messageAnnotations) readAnnotations(bytes, section, message);
    else if (section.code !== SECTION.deliveryAnnotations) {
      message.bare = bytes.subarray(section.start);
      if (section.code === SECTION.properties)
        message.messageKey = readMessageKey(bytes, elements(bytes, section.value)[0]);
      return message;
    }
  }
  throw new RangeError("the message has no body");
}

function readHeader(bytes: Buffer, section: Section): MessageHeader {
  const [durable, priority, ttl, firstAcquirer] = elements(bytes, section.value);
  const acquirer = read(bytes, firstAcquirer);
  return {
    durable: read(bytes, durable) === true,
    priority: readUnsigned(bytes, priority, 0xff),
    ttl: readUnsigned(bytes, ttl, 0xffff_ffff),
    firstAcquirer: typeof acquirer === "boolean" ? acquirer : undefined,
  };
}

function readUnsigned(bytes: Buffer, at: number | undefined, max: number): number | undefined {
  const value = read(bytes, at);
  if (value === undefined) return undefined;
  if (typeof value === "number" && value >= 0 && value <= max) return value;
  throw new RangeError("a header field is not an unsigned number");
}

function readAnnotations(bytes: Buffer, section: Section, message: IncomingMessage): void {
  const offsets = elements(bytes, section.value);
  const passedOn: Buffer[] = [];
  for (let i = 0; i + 1 < offsets.length; i += 2) {
    const [key, value] = [offsets[i] as number, offsets[i + 1] as number];
    const name = read(bytes, key);
    if (name === "x-opt-scheduled-enqueue-time") {
      const time = read(bytes, value);
      if (Number.isSafeInteger(time)) message.scheduledAt = time as number;
    }
    if (!OWN.has(name)) passedOn.push(bytes.subarray(key, skip(bytes, value)));
  }
  message.annotations = Buffer.concat(passedOn);
}

function readMessageKey(bytes: Buffer, at: number | undefined): string | undefined {
  const id = read(bytes, at);
  if (id === undefined) return undefined;
  if (typeof id === "string") return `s:${id}`;
  return `${typeof id}:${Buffer.isBuffer(id) ? id.toString("hex") : id}`;
}

/** Gives a message that came without one a message id: SDK clients cannot renew the lock of a message without. */
export function assignMessageId(message: IncomingMessage, id: string): void {
  const { bare } = message;
  const first = sections(bare).next().value as Section;
  const properties = first.code === SECTION.properties ? first : undefined;
  const others = properties ? elements(bare, properties.value).slice(1) : [];
  message.bare = out
    .section(SECTION.properties, "list", 1 + others.length, () => {
      out.string(id);
      for (const at of others) out.raw(bare.subarray(at, skip(bare, at)));
    })
    .finish(bare.subarray(properties ? properties.end : 0));
  message.messageKey = `s:${id}`;
}

/** The bare message with application properties added or replaced, every other byte as it was. */
export function withApplicationProperties(
  bare: Buffer,
  changes: readonly PropertyChange[],
): Buffer {
  if (changes.length === 0) return bare;
  let from = 0;
  let to = 0;
  const properties = new Map<unknown, Buffer>();
  for (const section of sections(bare)) {
    if (section.code === SECTION.properties) from = to = section.end;
    else if (section.code === SECTION.applicationProperties) {
      [from, to] = [section.start, section.end];
      const offsets = elements(bare, section.value);
      for (let i = 0; i + 1 < offsets.length; i += 2) {
        const key = offsets[i] as number;
        properties.set(read(bare, key), bare.subarray(key, skip(bare, skip(bare, key))));
      }
    } else break;
  }
  for (const [name, value] of changes)
    properties.set(name, Buffer.concat([encodeString(name), value]));
  return out
    .raw(bare.subarray(0, from))
    .section(SECTION.applicationProperties, "map", 2 * properties.size, () => {
      for (const pair of properties.values()) out.raw(pair);
    })
    .finish(bare.subarray(to));
}

/** The bytes of one delivery: fresh header and annotations, then the bare message. */
export function renderDelivery(
  facts: DeliveryFacts,
  bare: Buffer,
  { lockedUntil, lockToken }: DeliveryOptions = {},
): Buffer {
  const { header } = facts;
  out.section(SECTION.header, "list", 5, () => {
    out.boolean(header.durable);
    header.priority === undefined ? out.null() : out.ubyte(header.priority);
    header.ttl === undefined ? out.null() : out.uint(header.ttl);
    header.firstAcquirer === undefined ? out.null() : out.boolean(header.firstAcquirer);
    out.uint(facts.deliveryCount);
  });
  if (lockToken)
    out.section(SECTION.deliveryAnnotations, "map", 2, () => out.raw(LOCK_TOKEN).uuid(lockToken));
  const count =
    8 +
    (lockedUntil === undefined ? 0 : 2) +
    (facts.scheduledAt === undefined ? 0 : 2) +
    countValues(facts.annotations);
  out.section(SECTION.messageAnnotations, "map", count, () => {
    out.raw(SEQUENCE_NUMBER).long(facts.sequenceNumber);
    out.raw(ENQUEUED).timestamp(facts.enqueuedAt);
    out.raw(ENQUEUE_SEQUENCE).long(0);
    out.raw(STATE).int(STATE_CODE[facts.state]);
    if (lockedUntil !== undefined) out.raw(LOCKED_UNTIL).timestamp(lockedUntil);
    if (facts.scheduledAt !== undefined) out.raw(SCHEDULED).timestamp(facts.scheduledAt);
    out.raw(facts.annotations);
  });
  return out.finish(bare);
}

function countValues(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at < bytes.length; at = skip(bytes, at)) count++;
  return count;
}

/** The messages inside a batch: the SDK sends one data section per message (message format 0x80013700). */
export function splitBatch(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (const section of sections(bytes))
    if (section.code === SECTION.data) {
      const content = read(bytes, section.value);
      if (!Buffer.isBuffer(content)) throw new RangeError("a batch holds binary data sections");
      messages.push(content);
    }
  return messages;
}
