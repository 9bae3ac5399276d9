import type { TokenCredential } from "@azure/identity";
import type { Destination } from "../../shared/contracts/destinations.ts";
import type { Target } from "../domain/records.ts";
import type { ThrottleStore } from "../stores/throttle.ts";
import { SharePointHttp } from "./http.ts";
import { type FoundItem, findFile, findFolder, type ListedItem, listFolder } from "./items.ts";
import {
  cancelJob,
  type ImportPackage,
  jobEvents,
  jobIsOver,
  jobProgress,
  submitJob,
} from "./jobs.ts";
import { ensureUser } from "./people.ts";
import { type ProvidedContainers, provisionContainers, provisionQueue } from "./provision.ts";
import { resolveDestination } from "./resolve.ts";

export type { FoundItem, ListedItem } from "./items.ts";
export type { ImportPackage } from "./jobs.ts";

/** The SharePoint Migration API and the few companion calls an import needs (MS docs: migration-api-reference). */
export class SharePointDestination {
  private readonly http: SharePointHttp;
  private readonly options: { tenantUrl?: string | undefined };

  /** `tenantUrl`: root of the tenant, for OneDrives that are named by e-mail. */
  constructor(
    credential: TokenCredential,
    budget: ThrottleStore,
    options: { tenantUrl?: string | undefined } = {},
  ) {
    this.http = new SharePointHttp(credential, budget);
    this.options = options;
  }

  /** Until when SharePoint takes no request of the app for this site, as ISO text; undefined when it does. Costs next to nothing. */
  throttledUntil = (siteUrl: string): Promise<string | undefined> =>
    this.http.throttledUntil(siteUrl);

  resolve = (destination: Destination): Promise<Target> =>
    resolveDestination(this.http, destination, this.options);

  provisionContainers = (target: Target): Promise<ProvidedContainers> =>
    provisionContainers(this.http, target);
  provisionQueue = (target: Target): Promise<string> => provisionQueue(this.http, target);
  submit = (target: Target, files: ImportPackage): Promise<string> =>
    submitJob(this.http, target, files);
  isOver = (target: Target, job: string): Promise<boolean> => jobIsOver(this.http, target, job);
  cancelJob = (target: Target, job: string): Promise<boolean> => cancelJob(this.http, target, job);
  progress = (target: Target, job: string, token: string) =>
    jobProgress(this.http, target, job, token);
  events = (target: Target, job: string) => jobEvents(this.http, target, job);

  ensureUser = (target: Target, person: { login: string; isGroup: boolean }) =>
    ensureUser(this.http, target, person);

  findFile = (target: Target, path: string): Promise<FoundItem | undefined> =>
    findFile(this.http, target, path);
  findFolder = (target: Target, path: string): Promise<string | undefined> =>
    findFolder(this.http, target, path);
  listFolder = (target: Target, path: string): Promise<Map<string, ListedItem> | undefined> =>
    listFolder(this.http, target, path);
}
