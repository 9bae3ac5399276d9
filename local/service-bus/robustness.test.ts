import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { receive, startTestBroker, type TestBroker } from "./test-support.ts";

let broker: TestBroker;

beforeAll(async () => {
  broker = await startTestBroker({ q: {} });
});
afterAll(() => broker.dispose());

/** Sends bytes, hangs up, and waits until the broker has done so too. */
async function shout(bytes: Buffer | string): Promise<void> {
  const socket = connect(broker.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  socket.end(bytes);
  await once(socket, "close");
}

const AMQP = Buffer.from("AMQP\x00\x01\x00\x00", "latin1");

it.each([
  ["HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["TLS", Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])],
  ["another version of AMQP", Buffer.from("AMQP\x00\x00\x09\x01", "latin1")],
  ["half a frame", Buffer.concat([AMQP, Buffer.from([0, 0, 4, 0, 2, 0, 0, 0, 0, 0x53])])],
  [
    "a frame that is no AMQP",
    Buffer.concat([AMQP, Buffer.from([0, 0, 0, 12, 2, 0, 0, 0, 9, 9, 9, 9])]),
  ],
  [
    "a frame for no session",
    Buffer.concat([AMQP, Buffer.from("0000000d0200000700531345c0", "hex")]),
  ],
])("%s on its port does not disturb the broker", async (_, bytes) => {
  await shout(bytes);
  const client = broker.client();
  const receiver = client.createReceiver("q");
  await client.createSender("q").sendMessages({ body: "still here" });
  const message = await receive(receiver);
  expect(message.body).toBe("still here");
  await receiver.completeMessage(message);
});
