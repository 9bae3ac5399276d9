// rhea, fitted for a broker. Everything that reaches into its internals is in this file and in consumer.ts.
import type { Duplex } from "node:stream";
import rhea, { type DecodedMessage, type Typed } from "rhea-server";
import Connection from "rhea-server/lib/connection.js";
import type { ServiceBusError } from "../errors.ts";

const { message, types } = rhea;

/** What a connection runs on: a socket, or a WebSocket that looks like one. */
export type Transport = Duplex & { readonly bytesWritten: number };

/** Decodes a request to `$cbs` or `$management`. */
export const decodeMessage = message.decode;

// Messages stay bytes: see codec/message.ts.
message.decode = (bytes: Buffer) => bytes as unknown as DecodedMessage;

// rhea writes every frame by itself; corked, all frames of one turn leave in one packet. Clients rely on it:
// the SDK looks at its credit as soon as the attach has arrived and sleeps a second if the flow is not there yet.
const process = Connection.prototype._process;
Connection.prototype._process = function (this: Connection): void {
  this.socket.cork();
  try {
    process.call(this);
  } finally {
    this.socket.uncork();
  }
};

// The SDK leaves Nagle's algorithm on: after a write that gets no answer (a flow frame) its next write waits until the
// first is acknowledged, which the kernel delays by 40 ms. An empty frame as an answer carries the acknowledgement.
const input = Connection.prototype.input;
const nudged = new WeakSet<Connection>();
Connection.prototype.input = function (this: Connection, bytes: Buffer): void {
  const { socket } = this;
  const before = socket.bytesWritten;
  input.call(this, bytes);
  if (nudged.has(this)) return;
  nudged.add(this);
  // Two turns: the first is that of the group commit, whose answers make the nudge needless.
  setImmediate(() =>
    setImmediate(() => {
      nudged.delete(this);
      if (socket.bytesWritten === before && this.is_open() && !socket.destroyed)
        this._write_frame();
    }),
  );
};

export const accepted = (): Typed => message.accepted().described();

export const rejected = ({ condition, message: description }: ServiceBusError): Typed =>
  message.rejected({ error: { condition, description } }).described();

/** The bytes of a value, with the type it came with. */
export function encodeTyped(value: Typed): Buffer {
  const writer = new types.Writer();
  writer.write(value);
  return Buffer.from(writer.toBuffer());
}

export { Connection, rhea, types };
