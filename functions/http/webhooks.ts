import { LongshoreError } from "../../shared/contracts/errors.ts";
import {
  type WebhookView,
  webhookAttemptListSchema,
  webhookAttemptSchema,
  webhookCreatedSchema,
  webhookCreateSchema,
  webhookListSchema,
  webhookViewSchema,
} from "../../shared/contracts/webhooks.ts";
import { attemptDelivery } from "../operations/upkeep/deliverWebhooks.ts";
import { newWebhookSecret, webhookKey } from "../security/webhookSignature.ts";
import type { Services } from "../services.ts";
import type { WebhookRecord } from "../stores/webhooks.ts";
import { defineRoute } from "./routing/route.ts";

defineRoute(
  {
    name: "createWebhook",
    method: "POST",
    route: "v1/webhooks",
    role: "administrator",
    tag: "administration",
    summary:
      "Registers a URL that is told of changes of state; the answer shows its secret this once",
    body: webhookCreateSchema,
    response: webhookCreatedSchema,
    status: 201,
  },
  async ({ app, body, newId }) => {
    const { url, events, secret = newWebhookSecret() } = body;
    const sealed = await app.secrets.seal(webhookKey(secret));
    const createdAt = new Date().toISOString();
    const hook = { id: newId(), url, events: [...new Set(events)], createdAt };
    await app.webhooks.insert({ ...hook, secret: sealed });
    return { ...hook, secret };
  },
);

defineRoute(
  {
    name: "listWebhooks",
    method: "GET",
    route: "v1/webhooks",
    role: "administrator",
    tag: "administration",
    summary: "Lists the webhooks",
    response: webhookListSchema,
  },
  async ({ app }) => ({ webhooks: (await Array.fromAsync(app.webhooks.list())).map(view) }),
);

defineRoute(
  {
    name: "getWebhook",
    method: "GET",
    route: "v1/webhooks/{webhook}",
    role: "administrator",
    tag: "administration",
    summary: "Shows a webhook",
    response: webhookViewSchema,
  },
  async ({ app, params }) => view(await find(app, params.webhook)),
);

defineRoute(
  {
    name: "deleteWebhook",
    method: "DELETE",
    route: "v1/webhooks/{webhook}",
    role: "administrator",
    tag: "administration",
    summary: "Removes a webhook; what it was not told yet it is never told",
    unconditional: true,
  },
  async ({ app, params }) => app.webhooks.remove((await find(app, params.webhook)).id),
);

defineRoute(
  {
    name: "pingWebhook",
    method: "POST",
    route: "v1/webhooks/{webhook}/ping",
    role: "administrator",
    tag: "administration",
    summary: "Sends a signed ping at once, a single time, and says how it went",
    response: webhookAttemptSchema,
  },
  async ({ app, params, newId }) => {
    const hook = await find(app, params.webhook);
    const event = { type: "ping" as const, timestamp: new Date().toISOString(), data: {} };
    const ping = { id: `msg_${newId()}`, webhook: hook.id, event, attempt: 1 };
    return attemptDelivery(app, hook, ping, false);
  },
);

defineRoute(
  {
    name: "listWebhookAttempts",
    method: "GET",
    route: "v1/webhooks/{webhook}/attempts",
    role: "administrator",
    tag: "administration",
    summary: "Lists the last attempts to deliver, newest first",
    response: webhookAttemptListSchema,
  },
  async ({ app, params }) => {
    const { id } = await find(app, params.webhook);
    return { attempts: await app.webhooks.lastAttempts(id) };
  },
);

async function find(app: Services, id: string): Promise<WebhookRecord> {
  const hook = await app.webhooks.find(id);
  if (!hook) throw new LongshoreError("NOT_FOUND", `there is no webhook ${id}`);
  return hook;
}

const view = ({ secret: _secret, ...hook }: WebhookRecord): WebhookView => hook;
