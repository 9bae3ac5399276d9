// Loaded into the Functions host before everything else: counts what the process asks of others, by what was asked and by who
// asked, and writes the sums to the file that REQUESTS_FILE names, twice a second. The product knows nothing of it.
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import { renameSync, writeFileSync } from "node:fs";
import type { ClientRequest } from "node:http";
import { TableClient } from "@azure/data-tables";
import { ServiceBusClient } from "@azure/service-bus";
import { BlobClient, BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import { CoreModule } from "../../local/functions-host/core-module.ts";

interface Asking {
  by: string;
  through?: string;
}

/** One kind of request: who asked, through what, and what for; that a function was invoked counts as one. */
export interface Counted {
  by: string;
  through: string;
  what: string;
  count: number;
}

export interface Report {
  counts: Counted[];
  cpuSeconds: number;
}

const file = process.env.REQUESTS_FILE;
if (!file) throw new Error("REQUESTS_FILE names the file that the counts go to");

Error.stackTraceLimit = 100;
const counts = new Map<string, Counted>();
const HOST: Asking = { by: "the host" };
const asking = new AsyncLocalStorage<Asking>();

function count(what: string, { by, through = throughWhat() } = asking.getStore() ?? HOST): void {
  const key = JSON.stringify([by, through, what]);
  const known = counts.get(key) ?? { by, through, what, count: 0 };
  known.count++;
  counts.set(key, known);
}

// Each invocation of a function of the app.
const { hooks } = CoreModule.prototype;
CoreModule.prototype.hooks = function (name) {
  if (name !== "preInvocation") return hooks.call(this, name);
  return new Set([...hooks.call(this, name), (context) => nameInvocation(context as Invocation)]);
};

interface Invocation {
  invocationContext: { functionName: string };
  functionCallback: (...args: unknown[]) => unknown;
}

function nameInvocation(invocation: Invocation): void {
  const by = invocation.invocationContext.functionName;
  const { functionCallback } = invocation;
  count("invocation", { by, through: "" });
  invocation.functionCallback = (...args) => asking.run({ by }, () => functionCallback(...args));
}

/** The innermost function of the app on the way to a request, without those that only pass it on. */
function throughWhat(): string {
  const lines = (new Error().stack ?? "").split("\n");
  const found = lines
    .map((line) => FRAME.exec(line))
    .find((frame) => frame && !PASSING.test(frame[2] ?? ""));
  return found ? (found[1] ?? found[2] ?? "") : "";
}

const FRAME = /at (?:async )?(?:(.+?) \()?file:\/\/\S*?\/functions\/(\S+?)\.[jt]s:\d+/;
const PASSING = /^(stores\/(documents|lines)|operations\/inParallel)$/;

// Within the SDKs the stack is lost, so it is looked at where they are called.
for (const { prototype } of [TableClient, BlobClient, BlockBlobClient, ContainerClient])
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (typeof value !== "function" || name === "constructor") continue;
    Object.assign(prototype, {
      [name](this: unknown, ...args: unknown[]) {
        const { by = "the host", through = throughWhat() } = asking.getStore() ?? {};
        return asking.run({ by, through }, () => value.apply(this, args));
      },
    });
  }

// The SDKs of Storage, Key Vault and identities.
subscribe("http.client.request.created", (message) => {
  const { request } = message as { request: ClientRequest };
  const what = nameOf(request.method, new URL(request.path, `http://${request.getHeader("host")}`));
  if (what) count(what);
});

// SharePoint, and the task hub.
const { fetch } = globalThis;
globalThis.fetch = (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  const what = nameOf(init?.method ?? "GET", url);
  if (what) count(what);
  return fetch(input, init);
};

const { createSender } = ServiceBusClient.prototype;
ServiceBusClient.prototype.createSender = function (queue) {
  const sender = createSender.call(this, queue);
  const { sendMessages } = sender;
  sender.sendMessages = (...args) => {
    count("Service Bus: send");
    return sendMessages.apply(sender, args);
  };
  return sender;
};

/** What a request is, without what makes it different from others of its kind. */
function nameOf(method: string, { port, pathname, searchParams }: URL): string {
  const path = decodeURIComponent(pathname);
  const [, sharePoint] = /\/sites\/[^/]+\/_api\/(\w+(?:\/\w+)?)/.exec(path) ?? [];
  if (sharePoint) return `SharePoint: ${method} ${sharePoint}`;
  // With streamed bodies, what comes in passes through a server of the Functions library.
  if (path.startsWith("/api/")) return "";
  if (port === process.env.WEBSITE_HOSTNAME?.split(":")[1]) return `task hub: ${method}`;
  if (path.startsWith("/keys/"))
    return `Key Vault: ${/(un)?wrapkey$/.exec(path)?.[0] ?? "GET key"}`;
  if (path.startsWith("/msi/")) return "identity: token";
  if (path.endsWith("/$batch")) return "Table: transaction";
  const [, table, key] = /^\/\w+\/T[0-9a-f]{12}(\w+)(\(.*)?$/.exec(path) ?? [];
  if (table !== undefined && key === "()") return `Table: query ${table}`;
  if (table !== undefined && key === undefined) return `Table: insert ${table}`;
  const [, row = ""] = /RowKey='([a-z]*(?=-|'))?/.exec(key ?? "") ?? [];
  if (table !== undefined) return `Table: ${method} ${table} ${row}`.trim();
  const [, container = path, blob = ""] = /^\/\w+\/([^/]+)(?:\/(.+))?$/.exec(path) ?? [];
  const kind = container.replace(/^.*-([dm])$/, "package-$1").replace(/^inventory-.*/, "inventory");
  const [suffix = ""] = /([a-z]+\.)?[a-z]+\.gz$|\.\w+$/i.exec(blob) ?? [];
  const parts = [method, kind, searchParams.get("restype"), searchParams.get("comp"), suffix];
  return `Blob: ${parts.filter(Boolean).join(" ")}`;
}

setInterval(() => {
  const { user, system } = process.cpuUsage();
  const report: Report = { counts: [...counts.values()], cpuSeconds: (user + system) / 1e6 };
  writeFileSync(`${file}.new`, JSON.stringify(report));
  renameSync(`${file}.new`, file);
}, 500).unref();
