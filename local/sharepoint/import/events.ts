import { createHash, randomUUID } from "node:crypto";
import type { Job } from "../record/job-store.ts";
import type { Site } from "../sites.ts";
import { hresult } from "./error-codes.ts";

/** A job event: every value is a string, numbers and booleans too (MS docs "migration-events"). */
export type JobEvent = Record<string, string> & { Event: string; JobId: string; Time: string };

/** The counts of a JobProgress or JobEnd. */
export type EventFields = Record<string, string>;

/** What a JobError, JobWarning or JobFatalError is about: an object, or the package if none is named. */
export interface Complaint {
  message: string;
  objectType?: "File" | "Folder" | "ListItem" | "RoleAssignment";
  /** Web-relative. */
  url?: string;
  id?: string;
  code?: number;
  sourceIntId?: number;
  targetIntId?: number;
}

export type EventFactory = ReturnType<typeof eventFactory>;

/** "MM/dd/yyyy HH:mm:ss.fff" in UTC. */
function eventTime(date: Date): string {
  const [day, time] = date.toISOString().split("T") as [string, string];
  const [year, month, dayOfMonth] = day.split("-");
  return `${month}/${dayOfMonth}/${year} ${time.replace("Z", "")}`;
}

/** Builds the events of one job. */
export function eventFactory(site: Site, job: Job) {
  const correlationId = randomUUID();
  const farm = {
    SiteId: site.siteId,
    DbId: constantGuid("content database"),
  };
  const origin = () => ({
    TotalRetryCount: String(Math.max(0, job.attempts - 1)),
    MigrationType: "None",
    MigrationDirection: "Import",
  });
  const event = (name: string, fields: EventFields): JobEvent => ({
    Event: name,
    JobId: job.id,
    Time: eventTime(new Date()),
    ...fields,
    CorrelationId: correlationId,
  });
  const complaint = (name: string, about: Complaint): JobEvent =>
    event(name, {
      ...origin(),
      ObjectType: about.objectType ?? "",
      Url: about.url ?? "",
      Id: about.id ?? "",
      ...(name === "JobFatalError"
        ? {}
        : {
            SourceListItemIntId: about.sourceIntId ? String(about.sourceIntId) : "",
            TargetListItemIntId: about.targetIntId ? String(about.targetIntId) : "",
          }),
      ErrorCode: String(about.code ?? hresult.generic),
      ErrorType: "Microsoft.SharePoint.SPException",
      Message: about.message,
    });

  return {
    queued: () => event("JobQueued", { ...farm, ...origin() }),
    postponed: (until: Date, jobsInQueue: number) =>
      event("JobPostponed", {
        NextPickupTime: eventTime(until),
        ...farm,
        JobsInQueue: String(jobsInQueue),
        ...origin(),
      }),
    logFileCreated: (fileName: string) => event("JobLogFileCreate", { FileName: fileName }),
    started: () =>
      event("JobStart", {
        SiteId: farm.SiteId,
        WebId: site.webId,
        // JobStart alone spells it "DBId" in Microsoft's samples.
        DBId: farm.DbId,
        FarmId: constantGuid("farm"),
        ServerId: constantGuid("server"),
        SubscriptionId: constantGuid("subscription"),
        ...origin(),
      }),
    progress: (statistics: EventFields) => event("JobProgress", { ...statistics, ...origin() }),
    ended: (statistics: EventFields) => event("JobEnd", { ...statistics, ...origin() }),
    warning: (about: Complaint) => complaint("JobWarning", about),
    error: (about: Complaint) => complaint("JobError", about),
    fatal: (about: Complaint) => complaint("JobFatalError", about),
    cancelled: () => event("JobCancelled", { ...origin(), CancelledByUser: "true" }),
    deleted: () => event("JobDeleted", {}),
  };
}

function constantGuid(name: string): string {
  const hex = createHash("sha1").update(`simulated ${name}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
