import { createDecipheriv } from "node:crypto";
import type { JobEvent } from "../import/events.ts";
import type { Item } from "../record/item-store.ts";
import type { UploadedPackage } from "./upload.ts";
import { until } from "./waiting.ts";

/** Ids of the target as a client reads them. */
export interface TargetIds {
  siteId: string;
  webId: string;
  webRootFolderId: string;
  listId: string;
  rootFolderId: string;
}

export type Client = ReturnType<typeof client>;

/** A REST client for one site collection. */
export function client(origin: string, site: string, token = "any") {
  const base = `${origin}/sites/${site}`;
  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${base}${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json;odata=nometadata",
        "content-type": "application/json",
        ...init.headers,
      },
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not trusted
    const body = (await response.json()) as Record<string, any>;
    return { status: response.status, body, headers: response.headers };
  };
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    call(path, { ...init, method: "POST", body: JSON.stringify(body) });

  return {
    base,
    call,
    post,
    async ids(title = "Documents"): Promise<TargetIds> {
      const { body: siteBody } = await call("/_api/site?$select=Id,Url");
      const { body: web } = await call("/_api/web?$select=Id,Url,ServerRelativeUrl");
      const { body: root } = await call("/_api/web/rootfolder?$select=UniqueId");
      const { body: list } = await call(
        `/_api/web/lists/getByTitle('${title}')?$select=Id,Title&$expand=RootFolder`,
      );
      return {
        siteId: siteBody.Id,
        webId: web.Id,
        webRootFolderId: root.UniqueId,
        listId: list.Id,
        rootFolderId: list.RootFolder.UniqueId,
      };
    },
    /** Submits a package as it should be submitted, with `changes` to the body. */
    async submit(pkg: UploadedPackage, webId: string, changes: Record<string, unknown> = {}) {
      const uris = pkg.uris();
      const method = pkg.key ? "CreateMigrationJobEncrypted" : "CreateMigrationJob";
      return post(`/_api/site/${method}`, {
        gWebId: webId,
        azureContainerSourceUri: uris.data,
        azureContainerManifestUri: uris.metadata,
        ...(pkg.key ? { options: { AES256CBCKey: pkg.key.toString("base64") } } : {}),
        ...changes,
      });
    },
    async events(jobId: string, token = "0"): Promise<{ events: JobEvent[]; token: string }> {
      const { body } = await call(
        `/_api/site/GetMigrationJobProgress(jobId='${jobId}',nextToken=${token})`,
      );
      const logs = body.Logs as string[];
      return { events: logs.map((log) => JSON.parse(log)), token: body.NextToken };
    },
    /** Follows a job to its end; returns all its events. */
    async follow(jobId: string, seconds = 20): Promise<JobEvent[]> {
      const all: JobEvent[] = [];
      let token = "0";
      await until(async () => {
        const page = await this.events(jobId, token);
        token = page.token;
        all.push(...page.events);
        return all.some(({ Event }) => /^Job(End|FatalError|Deleted)$/.test(Event));
      }, seconds);
      return all;
    },
    async run(pkg: UploadedPackage, webId: string, changes = {}): Promise<JobEvent[]> {
      const { status, body } = await this.submit(pkg, webId, changes);
      if (status !== 200) throw new Error(`submit: ${status} ${JSON.stringify(body)}`);
      return this.follow(body.value);
    },
    /** Takes the messages that a queue has by now, decrypted with the job's key, off the queue. */
    async messages(queueUri: string, key: Buffer | undefined): Promise<JobEvent[]> {
      const [queue, sas] = queueUri.split("?");
      const response = await fetch(`${queue}/messages?numofmessages=32&${sas}`);
      const text = await response.text();
      const messages = [...text.matchAll(/<QueueMessage>(.*?)<\/QueueMessage>/gs)];
      const field = (xml: string, name: string) =>
        new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
      const events: JobEvent[] = [];
      for (const [, xml = ""] of messages) {
        const json = Buffer.from(field(xml, "MessageText"), "base64").toString("utf8");
        events.push(key ? openEnvelope(JSON.parse(json), key) : JSON.parse(json));
        const receipt = encodeURIComponent(field(xml, "PopReceipt"));
        const url = `${queue}/messages/${field(xml, "MessageId")}?popreceipt=${receipt}&${sas}`;
        await fetch(url, { method: "DELETE" });
      }
      return events;
    },
    /** The simulator's record of the site. */
    async record(): Promise<Item[]> {
      const response = await fetch(`${origin}/_simulator/items?site=${site}`);
      const lines = (await response.text()).trim();
      return lines === "" ? [] : lines.split("\n").map((line) => JSON.parse(line));
    },
  };
}

function openEnvelope(envelope: Record<string, string>, key: Buffer): JobEvent {
  if (envelope.Label !== "Encrypted") throw new Error(`no envelope: ${Object.keys(envelope)}`);
  const iv = Buffer.from(envelope.IV ?? "", "base64");
  const decipher = createDecipheriv("aes-256-cbc", key, iv);
  const content = Buffer.from(envelope.Content ?? "", "base64");
  return JSON.parse(Buffer.concat([decipher.update(content), decipher.final()]).toString("utf8"));
}
