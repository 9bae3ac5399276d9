import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  errorCode,
  receive,
  receiveOne,
  signSas,
  sleep,
  startTestBroker,
  type TestBroker,
} from "./test-support.ts";

let broker: TestBroker;

beforeAll(async () => {
  broker = await startTestBroker({ a: {}, b: {}, "agents/paris": {} });
});
afterEach(async () => {
  const client = broker.client();
  for (const queue of ["a", "b"]) {
    const receiver = client.createReceiver(queue, { receiveMode: "receiveAndDelete" });
    await receiver.receiveMessages(10, { maxWaitTimeInMs: 50 });
  }
});
afterAll(() => broker.dispose());

const send = (client: ReturnType<TestBroker["client"]>, queue: string) =>
  client.createSender(queue).sendMessages({ body: "x" });

describe("who may do what", () => {
  it("30 a wrong key or an unknown policy is UnauthorizedAccess", async () => {
    expect(await errorCode(send(broker.client("root", "wrong"), "a"))).toBe("UnauthorizedAccess");
    expect(await errorCode(send(broker.client("nobody", "root-1"), "a"))).toBe(
      "UnauthorizedAccess",
    );
  });

  it("30b the secondary key is as good as the primary", async () => {
    await send(broker.client("root", "root-2"), "a");
  });

  it("31 Send does not receive, Listen does not send, also not through $management", async () => {
    const sender = broker.client("sender", "send-1");
    const listener = broker.client("listener", "listen-1");
    await send(sender, "b");
    expect(await errorCode(receiveOne(sender.createReceiver("b"), 500))).toBe("UnauthorizedAccess");
    expect(await errorCode(sender.createReceiver("b").peekMessages(1))).toBe("UnauthorizedAccess");
    expect(await errorCode(send(listener, "b"))).toBe("UnauthorizedAccess");
    const later = new Date(Date.now() + 60_000);
    const schedule = listener.createSender("b").scheduleMessages({ body: 1 }, later);
    expect(await errorCode(schedule)).toBe("UnauthorizedAccess");
    const receiver = listener.createReceiver("b");
    await receiver.completeMessage(await receive(receiver));
  });

  it("32 a policy of one queue is good for that queue only", async () => {
    const client = broker.client("only-a", "a-1");
    await send(client, "a");
    const receiver = client.createReceiver("a");
    await receiver.completeMessage(await receive(receiver));
    expect(await errorCode(send(client, "b"))).toBe("UnauthorizedAccess");
  });

  it("33 a ready-made signature: valid, expired, for another queue, by another key, tampered with", async () => {
    const a = `${broker.endpoint}a`;
    const good = signSas(a, "root", "root-1", 600);
    const client = broker.clientWithSas(good);
    await send(client, "a");
    const receiver = client.createReceiver("a");
    await receiver.completeMessage(await receive(receiver));
    expect(await receiver.peekMessages(1)).toEqual([]);
    const refused = [
      signSas(a, "root", "root-1", -5),
      signSas(`${broker.endpoint}b`, "root", "root-1", 600),
      signSas(`${broker.endpoint}a/deeper`, "root", "root-1", 600),
      signSas(a, "root", "wrong", 600),
      signSas(`${broker.endpoint}b`, "only-a", "a-1", 600),
      good.replace(/se=\d+/, "se=9999999999"),
      "SharedAccessSignature sr=a&sig=b",
      "SharedAccessSignature sr=%&sig=%&se=9999999999&skn=root",
    ];
    for (const token of refused)
      expect(await errorCode(send(broker.clientWithSas(token), "a"))).toBe("UnauthorizedAccess");
  });

  it.each([
    ["127.0.0.1", (port: number) => `sb://127.0.0.1:${port}/agents/paris`],
    ["localhost", (port: number) => `sb://localhost:${port}/agents/paris`],
    ["127.0.0.1", () => "sb://localhost/agents/paris"],
    ["127.0.0.1", () => "https://127.0.0.1/Agents/Paris/"],
    ["localhost", (port: number) => `sb://localhost:${port}/`],
  ])("33b an agent's connection string: Endpoint=sb://%s, sr as in %s", async (host, resource) => {
    const token = signSas(resource(broker.port), "listener", "listen-1", 600);
    const client = broker.clientWithSas(token, host);
    expect(await receiveOne(client.createReceiver("agents/paris"), 50)).toBeUndefined();
    expect(await errorCode(send(client, "agents/paris"))).toBe("UnauthorizedAccess");
  });

  it("34 a link ends when its token does", async () => {
    const client = broker.clientWithSas(signSas(`${broker.endpoint}a`, "root", "root-1", 2));
    const sender = client.createSender("a");
    await sender.sendMessages({ body: "x" });
    await sleep(3_300);
    expect(await errorCode(sender.sendMessages({ body: "y" }))).toBe("UnauthorizedAccess");
  });

  it("35 a missing queue is MessagingEntityNotFound on send, receive and peek", async () => {
    const client = broker.client();
    expect(await errorCode(send(client, "nope"))).toBe("MessagingEntityNotFound");
    expect(await errorCode(receiveOne(client.createReceiver("nope"), 500))).toBe(
      "MessagingEntityNotFound",
    );
    expect(await errorCode(client.createReceiver("nope").peekMessages(1))).toBe(
      "MessagingEntityNotFound",
    );
  });

  it("queue names do not depend on letter case", async () => {
    await send(broker.client(), "A");
    expect((await receive(broker.client().createReceiver("a"))).body).toBe("x");
  });

  it("session receivers are refused: the queues have no sessions", async () => {
    const client = broker.client();
    await expect(client.acceptNextSession("a")).rejects.toThrow("does not require sessions");
    // For a named session the SDK says this whatever the reason.
    expect(await errorCode(client.acceptSession("a", "one"))).toBe("SessionCannotBeLocked");
  });
});
