import { createDecipheriv } from "node:crypto";
import { XMLParser } from "fast-xml-parser";
import { z } from "zod";
import { LongshoreError } from "../../shared/contracts/errors.ts";

/*
 * The queue that SharePoint reports jobs to (MS docs: migration-events), over the REST API of Azure queues. Azure queues deliver at
 * least once and in no order; a message that is not deleted comes back after its visibility time-out.
 */

export interface QueueMessage {
  id: string;
  popReceipt: string;
  text: string;
}

const messageSchema = z.object({
  MessageId: z.string(),
  PopReceipt: z.string(),
  MessageText: z.string(),
});
const listSchema = z.object({
  // An element without content is read as empty text.
  QueueMessagesList: z.union([
    z.object({ QueueMessage: z.array(messageSchema).default([]) }),
    z.literal("").transform(() => ({ QueueMessage: [] })),
  ]),
});
const parser = new XMLParser({
  parseTagValue: false,
  isArray: (name) => name === "QueueMessage",
});

const TIMEOUT_MS = 30_000;
/** Nobody else reads the queue of a package; a reader that died leaves its messages to the next one after this. */
const HIDDEN_SECONDS = 30;
const AT_ONCE = 32;

/** Up to 32 messages that are visible now. Throws CONTAINER_EXPIRED when the queue's SAS does not count any more. */
export async function receiveMessages(queueUrl: string): Promise<QueueMessage[]> {
  const url = within(queueUrl, "/messages");
  url.searchParams.append("numofmessages", String(AT_ONCE));
  url.searchParams.append("visibilitytimeout", String(HIDDEN_SECONDS));
  const response = await request("GET", url);
  return parseMessages(await response.text());
}

export async function deleteMessage(queueUrl: string, message: QueueMessage): Promise<void> {
  const url = within(queueUrl, `/messages/${message.id}`);
  url.searchParams.append("popreceipt", message.popReceipt);
  await request("DELETE", url);
}

export function parseMessages(xml: string): QueueMessage[] {
  const { QueueMessagesList } = listSchema.parse(parser.parse(xml));
  return QueueMessagesList.QueueMessage.map(({ MessageId, PopReceipt, MessageText }) => ({
    id: MessageId,
    popReceipt: PopReceipt,
    text: MessageText,
  }));
}

const envelopeSchema = z.object({
  Label: z.literal("Encrypted"),
  JobId: z.string(),
  IV: z.base64(),
  Content: z.base64(),
});

/** The event in a message, as JSON text: base64, and within an envelope if the job is encrypted. */
export function openMessage(text: string, key: Uint8Array): string {
  const json = Buffer.from(text, "base64").toString("utf8");
  return openEnvelope(json, key);
}

/** The event in an envelope; anything else is returned as it is. */
export function openEnvelope(json: string, key: Uint8Array): string {
  const envelope = envelopeSchema.safeParse(JSON.parse(json));
  if (!envelope.success) return json;
  const { IV, Content } = envelope.data;
  const decipher = createDecipheriv("aes-256-cbc", key, Buffer.from(IV, "base64"));
  const data = Buffer.from(Content, "base64");
  return Buffer.concat([decipher.update(data), decipher.final()]).toString("utf8");
}

function within(queueUrl: string, path: string): URL {
  const url = new URL(queueUrl);
  url.pathname += path;
  return url;
}

async function request(method: string, url: URL): Promise<Response> {
  const response = await fetch(url, {
    method,
    headers: { "x-ms-version": "2021-12-02" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw new LongshoreError("DESTINATION_UNREACHABLE", `the job queue: ${String(cause)}`, {
      cause,
    });
  });
  // A message that somebody else has deleted, or that has come back to the queue, is no trouble.
  if (response.ok || (method === "DELETE" && response.status < 500 && response.status !== 403))
    return response;
  const code = response.status < 500 ? "CONTAINER_EXPIRED" : "DESTINATION_UNREACHABLE";
  throw new LongshoreError(code, `the job queue answered HTTP ${response.status}`);
}
