import { z } from "zod";
import { TASK_STATES } from "./tasks.ts";

/** An event per state that a task can come to: "task.Completed". */
export const TASK_EVENTS = TASK_STATES.map((state) => `task.${state}` as const);

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** https; http for this machine only. Whether private addresses are called at all is a setting of the app. */
function isWebhookUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url?.username !== "" || url.password !== "" || url.hash !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.includes(url.hostname));
}

export const webhookCreateSchema = z.object({
  url: z
    .string()
    .max(2000)
    .refine(isWebhookUrl, "must be an https URL without credentials and without #"),
  events: z.array(z.enum(TASK_EVENTS)).min(1).default(TASK_EVENTS),
  /** "whsec_" and the base64 of 24 to 64 bytes; made by the app when it is missing. */
  secret: z
    .string()
    .regex(
      /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/,
      'must be "whsec_" and the base64 of 24 to 64 bytes; leave it out to have one made',
    )
    .optional(),
});

export const webhookViewSchema = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(z.enum(TASK_EVENTS)),
  createdAt: z.iso.datetime(),
});
export type WebhookView = z.infer<typeof webhookViewSchema>;
export const webhookListSchema = z.object({ webhooks: z.array(webhookViewSchema) });

/** The only answer that shows the secret. */
export const webhookCreatedSchema = webhookViewSchema.extend({ secret: z.string() });

/** What is posted. `webhook-id` in the headers is the same for every attempt: receivers know by it what they have had. */
export const webhookEventSchema = z.object({
  type: z.enum([...TASK_EVENTS, "ping"]),
  timestamp: z.iso.datetime(),
  data: z.object({
    taskId: z.string().optional(),
    sessionId: z.string().optional(),
    name: z.string().optional(),
    from: z.enum(TASK_STATES).optional(),
    to: z.enum(TASK_STATES).optional(),
  }),
});
export type WebhookEvent = z.infer<typeof webhookEventSchema>;

/** One attempt. `retrying`: there will be another one; `failed`: that was the last. */
export const webhookAttemptSchema = z.object({
  messageId: z.string(),
  type: z.string(),
  attempt: z.number().int().positive(),
  at: z.iso.datetime(),
  milliseconds: z.number().int(),
  outcome: z.enum(["delivered", "retrying", "failed"]),
  /** HTTP status of the receiver, or why there was none. */
  status: z.number().int().optional(),
  error: z.string().optional(),
});
export type WebhookAttempt = z.infer<typeof webhookAttemptSchema>;
export const webhookAttemptListSchema = z.object({ attempts: z.array(webhookAttemptSchema) });
