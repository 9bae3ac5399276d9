import { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Transport } from "./rhea.ts";

/**
 * A WebSocket as a byte stream. What is written while the stream is corked leaves as one message: clients handle messages one
 * by one, and see an attach without its credit if the two come apart (see rhea.ts).
 */
export function overWebSocket(webSocket: WebSocket): Transport {
  const send = (bytes: Buffer, done: (error?: Error | null) => void) => {
    transport.bytesWritten += bytes.length;
    webSocket.send(bytes, done);
  };
  const stream = new Duplex({
    read() {},
    write: (bytes: Buffer, _encoding, done) => send(bytes, done),
    writev: (parts, done) => send(Buffer.concat(parts.map(({ chunk }) => chunk)), done),
    final(done) {
      webSocket.close();
      done();
    },
    destroy(error, done) {
      webSocket.terminate();
      done(error);
    },
  });
  const transport = Object.assign(stream, { bytesWritten: 0 });
  webSocket.on("message", (data) => stream.push(data));
  webSocket.on("error", (error) => stream.destroy(error));
  webSocket.on("close", () => stream.destroy());
  return transport;
}
