import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A change of a task's state, as a webhook told it. */
export interface Told {
  type: string;
  timestamp: string;
  data: { taskId: string; sessionId: string; name: string; from: string; to: string };
}

export interface Receiver {
  url: string;
  /** What came, once for each message; messages that were not signed with the secret are `forged`. */
  told(secret: string): { genuine: Told[]; forged: number };
  stop(): void;
}

/** Listens for webhooks, and checks them as Standard Webhooks has it (standardwebhooks.com). */
export async function startReceiver(): Promise<Receiver> {
  const received: { id: string; signed: string; signatures: string; body: string }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8");
    const { "webhook-id": id, "webhook-timestamp": time } = request.headers;
    received.push({
      ...{ id: String(id), body, signed: `${id}.${time}.${body}` },
      signatures: String(request.headers["webhook-signature"]),
    });
    response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/longshore`,
    told(secret) {
      const key = Buffer.from(secret.replace("whsec_", ""), "base64");
      const isGenuine = ({ signed, signatures }: (typeof received)[number]) =>
        signatures.split(" ").some((each) => {
          const [version, signature = ""] = each.split(",");
          const given = Buffer.from(signature, "base64");
          const wanted = createHmac("sha256", key).update(signed).digest();
          return version === "v1" && given.length === 32 && timingSafeEqual(given, wanted);
        });
      const genuine = new Map(received.filter(isGenuine).map(({ id, body }) => [id, body]));
      return {
        genuine: [...genuine.values()].map((body) => JSON.parse(body)),
        forged: received.filter((each) => !isGenuine(each)).length,
      };
    },
    stop: () => void server.close(),
  };
}
