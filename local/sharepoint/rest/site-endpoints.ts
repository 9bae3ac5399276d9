import { randomUUID } from "node:crypto";
import type { Faults } from "../faults.ts";
import { isGuid } from "../guid.ts";
import { hresult } from "../import/error-codes.ts";
import type { JobRunner } from "../import/job-runner.ts";
import type { JobStore } from "../record/job-store.ts";
import type { Site } from "../sites.ts";
import {
  badRequest,
  noResource,
  numberOption,
  ODataError,
  type ODataRequest,
  type ODataResult,
  ProgressError,
  requirePost,
} from "./odata.ts";
import type { Provisioning } from "./provisioning.ts";
import { containerOf, whyQueueRefused, whySasRefused } from "./sas.ts";

/** SPMigrationJobState. */
const [NONE, QUEUED, PROCESSING] = [0, 2, 4];

export interface SiteContext {
  jobs: JobStore;
  runner: JobRunner;
  provisioning: Provisioning | undefined;
  faults: () => Faults;
}

/** The site that was asked, and the origin under which the simulator is reached. */
export interface Asked {
  site: Site;
  origin: string;
}

/** Answers `/_api/site` and the job methods below it. */
export async function answerSite(
  context: SiteContext,
  { site, origin }: Asked,
  request: ODataRequest,
): Promise<ODataResult> {
  const name = request.segments[1]?.name ?? "";
  if (name === "") {
    const entity = { Id: site.siteId, Url: `${origin}${site.url}`, ServerRelativeUrl: site.url };
    return { type: "SP.Site", entity };
  }
  if (name === "getmigrationjobprogress") return progress(context, site, request);
  requirePost(request);
  const { body } = request;
  switch (name) {
    case "provisionmigrationcontainers": {
      const value = await storage(context).provisionContainers(lifetime(context));
      const type = "SP.ProvisionedMigrationContainersInfo";
      return { function: "ProvisionMigrationContainers", type, value };
    }
    case "provisionmigrationqueue": {
      const JobQueueUri = await storage(context).provisionQueue(lifetime(context));
      const type = "SP.ProvisionedMigrationQueueInfo";
      return { function: "ProvisionMigrationQueue", type, value: { JobQueueUri } };
    }
    case "createmigrationjobencrypted":
      return {
        function: "CreateMigrationJobEncrypted",
        value: createJob(context, site, body, true),
      };
    case "createmigrationjob":
      return { function: "CreateMigrationJob", value: createJob(context, site, body, false) };
    case "getmigrationjobstatus": {
      const state = context.jobs.state(site.name, guidOf(body, "id"));
      return { function: "GetMigrationJobStatus", value: stateNumber(state) };
    }
    case "getmigrationstatus": {
      const states = context.jobs.states(site.name);
      const collection = states.map(({ id, state }) => ({
        JobId: id,
        JobState: stateNumber(state),
      }));
      return { type: "SP.SPMigrationJobStatus", collection };
    }
    case "deletemigrationjob": {
      const value = await context.runner.remove(site, guidOf(body, "id"));
      return { function: "DeleteMigrationJob", value };
    }
    default:
      throw noResource(name);
  }
}

function storage({ provisioning }: SiteContext): Provisioning {
  if (provisioning) return provisioning;
  const message =
    "SharePoint-provided containers are not simulated without --storage <connection string>: bring your own";
  throw new ODataError(501, -2147467263, "System.NotImplementedException", message);
}

function lifetime({ faults }: SiteContext): number {
  return faults().containerLifetimeSeconds;
}

/** Checks what the service checks at submission; the content of the package is looked at when the job runs. */
function createJob(
  context: SiteContext,
  site: Site,
  body: Record<string, unknown>,
  isEncrypted: boolean,
): string {
  const { jobs, runner, provisioning } = context;
  const isStrict = context.faults().strictness === "strict";
  const webId = guidOf(body, "gWebId");
  if (isStrict && webId !== site.webId) throw badRequest(`gWebId is not the web of ${site.url}`);
  const data = uriOf(body, "azureContainerSourceUri");
  const metadata = uriOf(body, "azureContainerManifestUri");
  const [dataContainer, metadataContainer] = [containerOf(data), containerOf(metadata)];
  if (dataContainer === metadataContainer) {
    const names = "azureContainerSourceUri and azureContainerManifestUri";
    throw badRequest(`${names} must be two containers`);
  }
  const isProvided = provisioning?.owns(data) === true && provisioning.owns(metadata);
  if (isProvided && !isEncrypted) {
    throw badRequest("Containers that SharePoint provides take encrypted packages only");
  }
  refuse("azureContainerSourceUri", whySasRefused(data, isProvided ? "rw" : "rl"));
  refuse("azureContainerManifestUri", whySasRefused(metadata, isProvided ? "rw" : "rlw"));
  const queue = body.azureQueueReportUri ? uriOf(body, "azureQueueReportUri") : undefined;
  if (queue && !provisioning?.owns(queue)) {
    refuse("azureQueueReportUri", whyQueueRefused(queue, isStrict));
  }
  const user = jobs.usedBy(dataContainer, metadataContainer);
  if (user) {
    const used = `The containers are already used by migration job ${user}`;
    throw badRequest(`${used}; each job needs its own`);
  }
  const ownUri = (uri: URL) => (isProvided ? provisioning.serviceUri(uri) : uri.href);
  const secrets = {
    dataContainerUri: ownUri(data),
    metadataContainerUri: ownUri(metadata),
    keyBase64: isEncrypted ? keyOf(body) : "",
    queueUri: queue?.href ?? "",
  };
  const submitted = { id: randomUUID(), site: site.name, webId, secrets };
  const job = jobs.create(submitted, dataContainer, metadataContainer);
  runner.submit(job);
  return job.id;
}

/**
 * `jobId='…'` or `jobId=guid'…'`; both forms are in use. The strings of Logs are plain events, also of an encrypted job
 * (MS docs "migration-job-progress-api-reference").
 */
function progress({ jobs }: SiteContext, site: Site, request: ODataRequest): ODataResult {
  const args = request.segments[1]?.args ?? {};
  const id = args.jobid;
  if (!isGuid(id)) throw badRequest("jobId must be a Guid");
  const token = args.nexttoken ?? String(numberOption(request.query, "nextToken", 0));
  if (!/^\d+$/.test(token)) throw badRequest("nextToken must be 0 or a token of an earlier answer");
  const state = jobs.state(site.name, id);
  if (state === undefined) throw new ProgressError(hresult.jobNotFound, "Job not found");
  if (state === "expired") throw new ProgressError(hresult.statusExpired, "Job status expired");
  const { bodies, nextToken } = jobs.events(id, Number(token));
  const Logs = request.verbose
    ? { __metadata: { type: "Collection(Edm.String)" }, results: bodies }
    : bodies;
  const value = { Logs, NextToken: String(nextToken) };
  return { function: "GetMigrationJobProgress", type: "SP.MigrationJobProgress", value };
}

/** A job that has ended and a job that never was look the same: None. */
function stateNumber(state: string | undefined): number {
  return state === "queued" ? QUEUED : state === "processing" ? PROCESSING : NONE;
}

function refuse(name: string, reason: string | undefined): void {
  if (reason) throw badRequest(`${name} ${reason}`);
}

function keyOf({ options }: Record<string, unknown>): string {
  const key = String((options as Record<string, unknown> | undefined)?.AES256CBCKey ?? "");
  const length = Buffer.from(key, "base64").length;
  if (length === 32) return key;
  throw badRequest(`options.AES256CBCKey must be base64 of 32 bytes, it has ${length}`);
}

function guidOf(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (!isGuid(value)) throw badRequest(`${name} must be a Guid`);
  return value.toLowerCase();
}

function uriOf(body: Record<string, unknown>, name: string): URL {
  const value = body[name];
  const uri = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  if (uri && /^https?:$/.test(uri.protocol)) return uri;
  throw badRequest(`${name} must be an absolute http(s) URI`);
}
