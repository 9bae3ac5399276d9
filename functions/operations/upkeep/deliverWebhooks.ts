import type { WebhookAttempt } from "../../../shared/contracts/webhooks.ts";
import { pauseAfter } from "../../domain/webhookRetries.ts";
import { redacted } from "../../security/redacted.ts";
import { signedHeaders } from "../../security/webhookSignature.ts";
import type { Services } from "../../services.ts";
import type { Delivery, WebhookRecord } from "../../stores/webhooks.ts";
import { inParallel } from "../inParallel.ts";
import { postWebhook } from "./postWebhook.ts";

const AT_ONCE = 8;
/** What one turn takes on: eight slow receivers at a time then hold the next turn up for minutes, not for hours. */
const AT_MOST = 200;

/** Delivers what is due in the outbox. What fails is tried again later, with growing pauses, for more than a day. */
export async function deliverWebhooks(app: Services): Promise<void> {
  const { webhooks } = app;
  const hooks = new Map<string, WebhookRecord>();
  for await (const hook of webhooks.list()) hooks.set(hook.id, hook);
  const due = await Array.fromAsync(webhooks.due(Date.now(), AT_MOST));
  await inParallel(AT_ONCE, due, async ({ row, delivery }) => {
    const hook = hooks.get(delivery.webhook) ?? (await webhooks.find(delivery.webhook));
    if (!hook) return webhooks.settle(row, delivery);
    const pause = pauseAfter(delivery.attempt, Math.random());
    const { outcome } = await attemptDelivery(app, hook, delivery, pause !== undefined);
    const again = outcome === "retrying" && pause !== undefined ? Date.now() + pause : undefined;
    await webhooks.settle(row, delivery, again);
  });
}

/** Posts once and notes how it went. Only an answer of 2xx counts as delivered. */
export async function attemptDelivery(
  { webhooks, secrets, config }: Services,
  hook: WebhookRecord,
  { id, event, attempt }: Delivery,
  mayRetry: boolean,
): Promise<WebhookAttempt> {
  const body = JSON.stringify(event);
  const now = Date.now();
  const answer = await secrets
    .open(hook.secret)
    .then((key) => signedHeaders(key, { id, body, now }))
    .then((headers) => postWebhook(hook.url, body, headers, config.WEBHOOK_PRIVATE_ADDRESSES))
    .then(
      (status) => ({ status }),
      (error: Error) => ({ error: redacted(String(error.message)).slice(0, 500) }),
    );
  const isDelivered = "status" in answer && answer.status >= 200 && answer.status < 300;
  const noted: WebhookAttempt = {
    messageId: id,
    type: event.type,
    attempt,
    at: new Date(now).toISOString(),
    milliseconds: Date.now() - now,
    outcome: isDelivered ? "delivered" : mayRetry ? "retrying" : "failed",
    ...answer,
  };
  await webhooks.noteAttempt(hook.id, noted);
  return noted;
}
