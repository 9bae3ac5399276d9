import { randomUUID } from "node:crypto";
import { isGuid } from "../guid.ts";
import { hresult } from "../import/error-codes.ts";
import type { JobRunner } from "../import/job-runner.ts";
import type { Job, JobStore } from "../record/job-store.ts";
import type { Site } from "../sites.ts";
import {
  badRequest,
  numberOption,
  ODataError,
  type ODataRequest,
  type ODataResult,
  ProgressError,
} from "./odata.ts";
import type { Provisioning } from "./provisioning.ts";
import { containerOf, whySasRefused } from "./sas.ts";

/** SPMigrationJobState. */
const STATE = { none: 0, queued: 2, processing: 4 } as const;

export interface SiteEndpoints {
  site: Site;
  origin: string;
  jobs: JobStore;
  runner: JobRunner;
  provisioning: Provisioning | undefined;
}

/** Answers `/_api/site` and the job methods below it. */
export async function answerSite(
  context: SiteEndpoints,
  request: ODataRequest,
): Promise<ODataResult> {
  const { site, origin } = context;
  const name = request.segments[1]?.name ?? "";
  switch (name) {
    case "":
      return {
        type: "SP.Site",
        entity: { Id: site.siteId, Url: `${origin}${site.url}`, ServerRelativeUrl: site.url },
      };
    case "provisionmigrationcontainers":
      return provisionContainers(context, request);
    case "createmigrationjobencrypted":
      return createJob(context, request);
    case "getmigrationjobprogress":
      return progress(context, request);
    case "getmigrationjobstatus":
      return status(context, request);
    case "deletemigrationjob":
      return {
        function: "DeleteMigrationJob",
        value: context.runner.remove(site, guidOf(request.body, "id")),
      };
    case "provisionmigrationqueue":
      throw notSimulated("Azure queues", "follow jobs with GetMigrationJobProgress");
    case "createmigrationjob":
      throw notSimulated("Unencrypted packages", "use CreateMigrationJobEncrypted");
    default:
      throw new ODataError(
        404,
        -1,
        "Microsoft.SharePoint.Client.ResourceNotFoundException",
        `Cannot find resource for the request ${name}.`,
      );
  }
}

async function provisionContainers(
  { provisioning }: SiteEndpoints,
  request: ODataRequest,
): Promise<ODataResult> {
  if (!provisioning) {
    throw notSimulated(
      "SharePoint-provided containers without --storage <connection string>",
      "bring your own containers",
    );
  }
  const containers = await provisioning.provision();
  return {
    function: "ProvisionMigrationContainers",
    value: request.verbose
      ? { __metadata: { type: "SP.ProvisionedMigrationContainersInfo" }, ...containers }
      : containers,
  };
}

/** Checks what the service checks at submission; the content of the package is looked at when the job runs. */
function createJob(context: SiteEndpoints, { body }: ODataRequest): ODataResult {
  const { site, jobs, runner, provisioning } = context;
  const webId = guidOf(body, "gWebId");
  const data = uriOf(body, "azureContainerSourceUri");
  const metadata = uriOf(body, "azureContainerManifestUri");
  if (body.azureQueueReportUri) {
    throw notSimulated(
      "Azure queues",
      "leave azureQueueReportUri empty and use GetMigrationJobProgress",
    );
  }
  const keyBase64 = String((body.options as Record<string, unknown>)?.AES256CBCKey ?? "");
  const keyLength = Buffer.from(keyBase64, "base64").length;
  if (keyLength !== 32) {
    throw badRequest(`options.AES256CBCKey must be base64 of 32 bytes, it has ${keyLength}`);
  }
  const [dataContainer, metadataContainer] = [containerOf(data), containerOf(metadata)];
  if (dataContainer === metadataContainer) {
    throw badRequest(
      "azureContainerSourceUri and azureContainerManifestUri must be two containers",
    );
  }
  const isProvisioned = provisioning?.owns(data) === true && provisioning.owns(metadata);
  if (!isProvisioned) {
    requireSas("azureContainerSourceUri", data, "rl");
    requireSas("azureContainerManifestUri", metadata, "rlw");
  }
  const user = jobs.usedBy(dataContainer, metadataContainer);
  if (user) {
    throw badRequest(
      `The containers are already used by migration job ${user}; each job needs its own`,
    );
  }
  const ownUri = (uri: URL) => (provisioning?.owns(uri) ? provisioning.serviceUri(uri) : uri.href);
  const secrets = {
    dataContainerUri: ownUri(data),
    metadataContainerUri: ownUri(metadata),
    keyBase64,
  };
  const job: Job = { id: randomUUID(), site: site.name, webId, attempts: 0, secrets };
  jobs.create(job, dataContainer, metadataContainer);
  runner.submit(job);
  return { function: "CreateMigrationJobEncrypted", value: job.id };
}

function progress({ site, jobs }: SiteEndpoints, request: ODataRequest): ODataResult {
  const args = request.segments[1]?.args ?? {};
  const id = args.jobid;
  if (!isGuid(id)) throw badRequest("jobId must be a Guid");
  const token = args.nexttoken ?? String(numberOption(request.query, "nextToken", 0));
  if (!/^\d+$/.test(token)) throw badRequest("nextToken must be 0 or a token of an earlier answer");
  const state = jobs.state(site.name, id);
  if (state === undefined) throw new ProgressError(hresult.jobNotFound, "Job not found");
  if (state === "expired") throw new ProgressError(hresult.statusExpired, "Job status expired");
  const page = jobs.events(id, Number(token));
  const NextToken = String(page.nextToken);
  return {
    function: "GetMigrationJobProgress",
    value: request.verbose
      ? {
          Logs: { __metadata: { type: "Collection(Edm.String)" }, results: page.bodies },
          NextToken,
          __metadata: { type: "SP.MigrationJobProgress" },
        }
      : { Logs: page.bodies, NextToken },
  };
}

/** A job that has ended and a job that never was look the same: None. */
function status({ site, jobs }: SiteEndpoints, { body }: ODataRequest): ODataResult {
  const state = jobs.state(site.name, guidOf(body, "id"));
  const value = state === "queued" || state === "processing" ? STATE[state] : STATE.none;
  return { function: "GetMigrationJobStatus", value };
}

function requireSas(name: string, uri: URL, permissions: string): void {
  const refused = whySasRefused(uri, permissions);
  if (refused) throw badRequest(`${name} ${refused}`);
}

function guidOf(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (!isGuid(value)) throw badRequest(`${name} must be a Guid`);
  return value.toLowerCase();
}

function uriOf(body: Record<string, unknown>, name: string): URL {
  const value = body[name];
  const uri = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  if (!uri || !/^https?:$/.test(uri.protocol)) {
    throw badRequest(`${name} must be an absolute http(s) URI of a container`);
  }
  return uri;
}

function notSimulated(what: string, instead: string): ODataError {
  return new ODataError(
    501,
    -2147467263,
    "System.NotImplementedException",
    `${what} are not simulated: ${instead}`,
  );
}
