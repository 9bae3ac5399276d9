import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import rhea from "rhea-server";
import { encodeString } from "./encoder.ts";
import {
  assignMessageId,
  type IncomingMessage,
  parseMessage,
  renderDelivery,
  splitBatch,
  withApplicationProperties,
} from "./message.ts";

// rhea is the independent encoder and decoder here.
const { decode, encode } = rhea.message as unknown as {
  decode(bytes: Buffer): Record<string, unknown>;
  encode(message: object): Buffer;
};
const { wrap_timestamp } = rhea.types as unknown as { wrap_timestamp(ms: number): unknown };

const facts = (message: IncomingMessage) => ({
  header: message.header,
  annotations: message.annotations,
  sequenceNumber: 2 ** 40 + 7,
  enqueuedAt: 1_795_000_000_123,
  scheduledAt: message.scheduledAt,
  deliveryCount: 3,
  state: "active" as const,
});

describe("a message", () => {
  it("is delivered with a fresh header and annotations and otherwise as it was", () => {
    const sent = {
      durable: true,
      priority: 7,
      ttl: 5_000,
      message_annotations: {
        "x-opt-partition-key": "pk",
        "x-opt-sequence-number": 99,
        "x-opt-scheduled-enqueue-time": wrap_timestamp(1_795_000_000_000),
        "x-custom": 1.5,
      },
      message_id: "id",
      application_properties: { a: 1, b: "é" },
      body: { n: [1, 2] },
    };
    const message = parseMessage(encode(sent));
    expect(message).toMatchObject({
      messageKey: "s:id",
      scheduledAt: 1_795_000_000_000,
      header: { durable: true, priority: 7, ttl: 5_000 },
    });
    const delivered = decode(
      renderDelivery(facts(message), message.bare, { lockedUntil: 1_795_000_060_000 }),
    );
    expect(delivered).toMatchObject({
      durable: true,
      priority: 7,
      ttl: 5_000,
      delivery_count: 3,
      message_id: "id",
      application_properties: { a: 1, b: "é" },
      body: { n: [1, 2] },
    });
    expect(delivered.message_annotations).toEqual({
      "x-opt-sequence-number": 2 ** 40 + 7,
      "x-opt-enqueued-time": new Date(1_795_000_000_123),
      "x-opt-enqueue-sequence-number": 0,
      "x-opt-message-state": 0,
      "x-opt-locked-until": new Date(1_795_000_060_000),
      "x-opt-scheduled-enqueue-time": new Date(1_795_000_000_000),
      "x-opt-partition-key": "pk",
      "x-custom": 1.5,
    });
  });

  it("keeps everything when it is given an id or application properties", () => {
    const text = fc.string({ maxLength: 300 });
    // rhea decodes into plain objects, which lose a key of this name.
    const key = text.filter((name) => name !== "__proto__");
    const property = fc.property(
      fc.record({ subject: text, to: text, group_id: text }, { requiredKeys: [] }),
      fc.option(fc.dictionary(key, fc.oneof(text, fc.integer(), fc.boolean()), { maxKeys: 5 })),
      text,
      (properties, application_properties, body) => {
        const sent = {
          ...properties,
          ...(application_properties && { application_properties }),
          body,
        };
        const message = parseMessage(encode(sent));
        assignMessageId(message, "given");
        const bare = withApplicationProperties(message.bare, [["new", encodeString("value")]]);
        const got = decode(bare);
        expect(got).toMatchObject({ ...properties, message_id: "given", body });
        const got_properties = got.application_properties as Record<string, unknown>;
        expect({ ...got_properties }).toEqual({ ...application_properties, new: "value" });
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it("tells ids of different types apart", () => {
    const key = (message_id: unknown) => parseMessage(encode({ message_id, body: 1 })).messageKey;
    expect(new Set([key("1"), key(1), key(Buffer.alloc(16, 1))]).size).toBe(3);
    expect(parseMessage(encode({ subject: "s", body: 1 })).messageKey).toBeUndefined();
  });

  it("that is cut or not AMQP is refused with a RangeError, never read past its end", () => {
    const whole = encode({ durable: true, message_id: "id", subject: "s", body: "a body" });
    for (let end = 0; end < whole.length; end++) {
      const cut = Buffer.from(whole.subarray(0, end));
      const consume = () =>
        renderDelivery(
          facts(parseMessage(cut)),
          withApplicationProperties(parseMessage(cut).bare, []),
        );
      try {
        consume();
      } catch (error) {
        expect((error as Error).name).toBe("RangeError");
      }
    }
    const anything = fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        parseMessage(Buffer.from(bytes));
        splitBatch(Buffer.from(bytes));
      } catch (error) {
        expect((error as Error).name).toBe("RangeError");
      }
    });
    fc.assert(anything, { numRuns: 2_000 });
  });
});
