import { z } from "zod";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Target } from "../domain/records.ts";
import type { SharePointHttp } from "./http.ts";
import { isTerminal, type JobEvent, parseJobEvent } from "./jobEvents.ts";
import { expectAnswer, guidIn, isRefused, messageOf } from "./odata.ts";
import { siteOf } from "./urls.ts";

/** What the import needs: containers with SAS that SharePoint may use, and the package's key in base64. */
export interface ImportPackage {
  dataUrl: string;
  manifestUrl: string;
  key: string;
  /** Where SharePoint reports the job to, besides its progress. */
  queueUrl?: string | undefined;
}

const progressSchema = z.object({
  // The verbose form wraps collections.
  Logs: z.union([z.array(z.string()), z.object({ results: z.array(z.string()) })]),
  NextToken: z.union([z.string(), z.number()]).transform(String),
});
const jobStateSchema = z.object({ value: z.coerce.number() });
const deletedSchema = z.object({ value: z.union([z.boolean(), z.stringbool()]) });

/** SPMigrationJobState "None": the job has ended, or there never was one. */
const NO_JOB = 0;

/** Submits the package; the id of the job. Never repeated blindly: a job that was accepted runs. */
export async function submitJob(
  http: SharePointHttp,
  target: Target,
  files: ImportPackage,
): Promise<string> {
  const answer = await http.post(
    `${siteOf(target)}/_api/site/CreateMigrationJobEncrypted`,
    {
      gWebId: target.webId,
      azureContainerSourceUri: files.dataUrl,
      azureContainerManifestUri: files.manifestUrl,
      azureQueueReportUri: files.queueUrl ?? "",
      options: { AES256CBCKey: files.key },
    },
    { once: true },
  );
  // Neither form of the answer has a published sample.
  const job = guidIn(answer.body);
  if (answer.status < 300 && job) return job;
  throw new LongshoreError(
    isRefused(answer) ? "DESTINATION_ACCESS_DENIED" : "SUBMIT_FAILED",
    `SharePoint: ${messageOf(answer).replaceAll(files.key, "***")}`,
  );
}

/** Whether SharePoint is done with a job, well or badly, or does not know it. False when it will not say. */
export async function jobIsOver(
  http: SharePointHttp,
  target: Target,
  job: string,
): Promise<boolean> {
  const answer = await http.post(`${siteOf(target)}/_api/site/GetMigrationJobStatus`, { id: job });
  if (isRefused(answer) || answer.status >= 300) return false;
  return expectAnswer(answer, jobStateSchema, `the job ${job}`).value === NO_JOB;
}

/**
 * Takes a job back: one that waits never starts, one that runs is stopped. What it has imported stays. False when there was no such
 * job any more.
 */
export async function cancelJob(
  http: SharePointHttp,
  target: Target,
  job: string,
): Promise<boolean> {
  const answer = await http.post(`${siteOf(target)}/_api/site/DeleteMigrationJob`, { id: job });
  if (answer.status === 404 || isUnknownJob(answer.body)) return false;
  return expectAnswer(answer, deletedSchema, `the job ${job}`).value;
}

/** Events since the token; the next token. `undefined` when SharePoint no longer knows the job. */
export async function jobProgress(
  http: SharePointHttp,
  target: Target,
  job: string,
  token: string,
): Promise<{ events: JobEvent[]; token: string } | undefined> {
  const answer = await http.get(
    `${siteOf(target)}/_api/site/GetMigrationJobProgress(jobId='${job}',nextToken=${encodeURIComponent(token)})`,
  );
  if (answer.status === 500 && isUnknownJob(answer.body)) return undefined;
  const { Logs, NextToken } = expectAnswer(answer, progressSchema, `the job ${job}`);
  const logs = Array.isArray(Logs) ? Logs : Logs.results;
  return { events: logs.map(parseJobEvent), token: NextToken };
}

/** All events of a job from its beginning to its end. */
export async function jobEvents(
  http: SharePointHttp,
  target: Target,
  job: string,
): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for (let token = "0"; ; ) {
    const page = await jobProgress(http, target, job, token);
    if (!page) return all;
    all.push(...page.events);
    if (page.token === token || page.events.length === 0 || page.events.some(isTerminal))
      return all;
    token = page.token;
  }
}

/** "Job not found" and "Job status expired" (MS docs, migration-job-progress-api-reference). */
const isUnknownJob = (body: unknown) => /-214721314[56]/.test(JSON.stringify(body ?? ""));
