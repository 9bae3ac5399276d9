import type { TokenCredential } from "@azure/identity";
import { z } from "zod";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Destination } from "../../shared/contracts/tasks.ts";
import type { Target } from "../domain/records.ts";
import { redacted } from "../security/redacted.ts";
import { type Answer, SharePointHttp } from "./http.ts";
import { type JobEvent, parseJobEvent } from "./jobEvents.ts";

/** What the import needs: containers with SAS that SharePoint may use, and the package's key in base64. */
export interface ImportPackage {
  dataUrl: string;
  manifestUrl: string;
  key: string;
}

export interface FoundItem {
  id: string;
  size: number;
  modified: number;
}

const siteSchema = z.object({ Id: z.string(), Url: z.string() });
const webSchema = z.object({ Id: z.string(), ServerRelativeUrl: z.string() });
const folderSchema = z.object({ UniqueId: z.string() });
const listSchema = z.object({
  Id: z.string(),
  Title: z.string(),
  RootFolder: z.object({ UniqueId: z.string(), ServerRelativeUrl: z.string() }),
});
const fileSchema = z.object({
  UniqueId: z.string(),
  Length: z.coerce.number(),
  TimeLastModified: z.string(),
});
const progressSchema = z.object({
  // The verbose form wraps collections.
  Logs: z.union([z.array(z.string()), z.object({ results: z.array(z.string()) })]),
  NextToken: z.union([z.string(), z.number()]).transform(String),
});

const jobStateSchema = z.object({ value: z.coerce.number() });
/** SPMigrationJobState "None": the job has ended, or there never was one. */
const NO_JOB = 0;

/** The SharePoint Migration API and the few companion calls an import needs (MS docs: migration-api-reference). */
export class SharePointDestination {
  private readonly http: SharePointHttp;

  constructor(credential: TokenCredential) {
    this.http = new SharePointHttp(credential);
  }

  /** Finds site, library and the folders of the destination with the ids that packages name. */
  async resolve(destination: Destination): Promise<Target> {
    const { siteUrl, library } = destination;
    const title = encodeURIComponent(quoted(library));
    const read = async <T>(path: string, schema: z.ZodType<T>, what: string): Promise<T> =>
      expect(await this.http.get(`${siteUrl}/_api/${path}`), schema, what);
    // One after the other, so that the first thing that is missing is the one that is named.
    const theSite = `the site ${siteUrl}`;
    const site = await read("site?$select=Id,Url", siteSchema, theSite);
    const web = await read("web?$select=Id,Url,ServerRelativeUrl", webSchema, theSite);
    const webRoot = await read("web/rootfolder?$select=UniqueId", folderSchema, theSite);
    const list = await read(
      `web/lists/getByTitle(${title})?$select=Id,Title,BaseTemplate,RootFolder/UniqueId,RootFolder/ServerRelativeUrl&$expand=RootFolder`,
      listSchema,
      `the library "${library}" of ${siteUrl}`,
    );
    const target: Target = {
      origin: siteUrl,
      siteId: site.Id.toLowerCase(),
      siteUrl: new URL(site.Url).pathname,
      webId: web.Id.toLowerCase(),
      webUrl: web.ServerRelativeUrl,
      webRootFolderId: webRoot.UniqueId.toLowerCase(),
      listId: list.Id.toLowerCase(),
      listTitle: list.Title,
      rootFolderId: list.RootFolder.UniqueId.toLowerCase(),
      rootFolderUrl: list.RootFolder.ServerRelativeUrl,
      folders: [],
    };
    const names = destination.folder.split("/").filter(Boolean);
    for (let depth = 1; depth <= names.length; depth++) {
      const path = names.slice(0, depth).join("/");
      const id = await this.findFolder(target, path);
      target.folders.push({ path, ...(id && { id }) });
    }
    return target;
  }

  /** Submits the package; the id of the job. Never repeated blindly: a job that was accepted runs. */
  async submit(target: Target, files: ImportPackage): Promise<string> {
    const answer = await this.http.post(
      `${target.origin}/_api/site/CreateMigrationJobEncrypted`,
      {
        gWebId: target.webId,
        azureContainerSourceUri: files.dataUrl,
        azureContainerManifestUri: files.manifestUrl,
        azureQueueReportUri: "",
        options: { AES256CBCKey: files.key },
      },
      { once: true },
    );
    const job = jobIdIn(answer.body);
    if (answer.status < 300 && job && !/^[0-]+$/.test(job)) return job;
    throw new LongshoreError(
      isRefused(answer) ? "DESTINATION_ACCESS_DENIED" : "SUBMIT_FAILED",
      `SharePoint: ${messageOf(answer).replaceAll(files.key, "***")}`,
    );
  }

  /** Whether SharePoint is done with a job, well or badly, or does not know it. False when it will not say. */
  async isOver(target: Target, job: string): Promise<boolean> {
    const url = `${target.origin}/_api/site/GetMigrationJobStatus`;
    const answer = await this.http.post(url, { id: job });
    if (isRefused(answer) || answer.status >= 300) return false;
    const { value } = expect(answer, jobStateSchema, `the job ${job}`);
    return value === NO_JOB;
  }

  /** Events since the token; the next token. `undefined` when SharePoint no longer knows the job. */
  async progress(
    target: Target,
    job: string,
    token: string,
  ): Promise<{ events: JobEvent[]; token: string } | undefined> {
    const answer = await this.http.get(
      `${target.origin}/_api/site/GetMigrationJobProgress(jobId='${job}',nextToken=${encodeURIComponent(token)})`,
    );
    if (answer.status === 500 && /-214721314[56]/.test(JSON.stringify(answer.body)))
      return undefined;
    const { Logs, NextToken } = expect(answer, progressSchema, `the job ${job}`);
    const logs = Array.isArray(Logs) ? Logs : Logs.results;
    return { events: logs.map(parseJobEvent), token: NextToken };
  }

  /** All events of a job from its beginning. */
  async events(target: Target, job: string): Promise<JobEvent[]> {
    const all: JobEvent[] = [];
    for (let token = "0"; ; ) {
      const page = await this.progress(target, job, token);
      if (!page) return all;
      all.push(...page.events);
      if (page.token === token || page.events.length === 0) return all;
      token = page.token;
    }
  }

  /** The file at a path relative to the library's root, as it is at the destination now. */
  async findFile(target: Target, path: string): Promise<FoundItem | undefined> {
    const answer = await this.http.get(
      `${target.origin}/_api/web/GetFileByServerRelativePath(${decodedUrl(target, path)})?$select=UniqueId,Length,TimeLastModified`,
    );
    if (isNowhere(answer)) return undefined;
    const file = expect(answer, fileSchema, path);
    return {
      id: file.UniqueId.toLowerCase(),
      size: file.Length,
      modified: Date.parse(file.TimeLastModified),
    };
  }

  /** The id of the folder at a path relative to the library's root. */
  async findFolder(target: Target, path: string): Promise<string | undefined> {
    const answer = await this.http.get(
      `${target.origin}/_api/web/GetFolderByServerRelativePath(${decodedUrl(target, path)})?$select=UniqueId`,
    );
    if (isNowhere(answer)) return undefined;
    return expect(answer, folderSchema, path).UniqueId.toLowerCase();
  }
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

const decodedUrl = (target: Target, path: string) =>
  `decodedurl=${encodeURIComponent(quoted(`${target.rootFolderUrl}/${path}`))}`;

const isRefused = ({ status }: Answer) => status === 401 || status === 403;

/** No item is there, or none can be: SharePoint does not take the path (400, 414). */
const isNowhere = ({ status }: Answer) => status === 404 || status === 400 || status === 414;

function expect<T>(answer: Answer, schema: z.ZodType<T>, what: string): T {
  const { status } = answer;
  if (isRefused(answer))
    throw new LongshoreError("DESTINATION_ACCESS_DENIED", `${what}: ${messageOf(answer)}`);
  if (status === 404) throw new LongshoreError("DESTINATION_NOT_FOUND", `${what} does not exist`);
  if (status >= 500 || status === 429)
    throw new LongshoreError("DESTINATION_UNREACHABLE", `${what}: ${messageOf(answer)}`);
  // No waiting mends these; somebody has to look.
  if (status >= 300) throw new LongshoreError("INTERNAL", `${what}: ${messageOf(answer)}`);
  const parsed = schema.safeParse(unwrapped(answer.body));
  if (parsed.success) return parsed.data;
  const problem = z.prettifyError(parsed.error);
  throw new LongshoreError(
    "INTERNAL",
    `${what}: SharePoint's answer is not understood: ${problem}`,
  );
}

/** In the verbose form an entity is `{ d: … }` and what a function returns `{ d: { Name: … } }`. */
function unwrapped(body: unknown): unknown {
  if (!body || typeof body !== "object" || !("d" in body)) return body;
  const inner = (body as { d: Record<string, unknown> }).d;
  const [only, ...more] = Object.values(inner);
  if (more.length > 0) return inner;
  return only && typeof only === "object" ? only : { value: only };
}

const GUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i;

/** The new job's id, in either form of the answer: neither has a published sample. */
function jobIdIn(body: unknown): string | undefined {
  return GUID.exec(JSON.stringify(body ?? ""))?.[0].toLowerCase();
}

function messageOf({ status, body }: Answer): string {
  const found = /"value":\s*"([^"]+)"/.exec(JSON.stringify(body ?? ""))?.[1];
  const text = found ?? (typeof body === "string" && body ? body : "no message");
  return `${redacted(text).slice(0, 500)} (HTTP ${status})`;
}
