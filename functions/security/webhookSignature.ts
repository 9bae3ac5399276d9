import { createHmac, randomBytes } from "node:crypto";

const PREFIX = "whsec_";

export const newWebhookSecret = (): string => PREFIX + randomBytes(32).toString("base64");

export const webhookKey = (secret: string): Buffer =>
  Buffer.from(secret.slice(PREFIX.length), "base64");

export const webhookSecret = (key: Uint8Array): string =>
  PREFIX + Buffer.from(key).toString("base64");

/** The headers of a delivery as Standard Webhooks has them (standard-webhooks.md, "Signature scheme"). */
export function signedHeaders(
  key: Uint8Array,
  { id, body, now }: { id: string; body: string; now: number },
): Record<string, string> {
  const timestamp = Math.floor(now / 1000);
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${signature}`,
  };
}
