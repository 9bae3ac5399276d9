import type { DatabaseSync } from "node:sqlite";
import type { Faults } from "../faults.ts";
import type { Log } from "../logger.ts";
import type { PackageKey } from "../package/blobs.ts";
import { readPackage } from "../package/read-package.ts";
import { settleEndedClaims } from "../record/claims.ts";
import { transact } from "../record/database.ts";
import type { ItemStore } from "../record/item-store.ts";
import type { Job, JobStore } from "../record/job-store.ts";
import {
  type LibraryFolders,
  removeEmptyTemporaryFolder,
  removeTemporaryFiles,
} from "../record/library-folder.ts";
import type { RecycleBin } from "../record/recycle-bin.ts";
import type { Site } from "../sites.ts";
import { hresult } from "./error-codes.ts";
import { eventFactory, type JobEvent } from "./events.ts";
import { describe, JobFailure } from "./failures.ts";
import { restoreAllFolderTimes } from "./folder-times.ts";
import { importJob } from "./import-job.ts";
import { logFileName, writeJobLogs } from "./job-log.ts";
import { jobReports } from "./reports.ts";

interface RunnerContext {
  sites: Map<string, Site>;
  database: DatabaseSync;
  jobs: JobStore;
  items: ItemStore;
  folders: LibraryFolders;
  bin: RecycleBin;
  faults: () => Faults;
  /** Jobs of one site collection that run at the same time. */
  concurrency: number;
  log: Log;
}

export type JobRunner = ReturnType<typeof jobRunner>;

const DELETED = "deleted";

/** Runs queued jobs, a few at a time per site collection, oldest first. */
export function jobRunner(context: RunnerContext) {
  const { jobs, items, sites, database, log } = context;
  const waiting: Job[] = [];
  const delayed = new Map<string, { job: Job; timer: NodeJS.Timeout }>();
  const postponed = new Set<string>();
  /** Jobs that may still write into a library. */
  const writing = new Set<string>();
  const running = new Map<string, { job: Job; abort: AbortController; done: Promise<void> }>();
  const reports = jobReports(jobs, context.faults, log);
  let isStopping = false;

  function enqueue(job: Job, delayMs: number): void {
    const ready = () => {
      delayed.delete(job.id);
      waiting.push(job);
      startWaiting();
    };
    delayed.set(job.id, { job, timer: setTimeout(ready, delayMs) });
  }

  function startWaiting(): void {
    for (const job of [...waiting]) {
      const busy = [...running.values()].filter((other) => other.job.site === job.site).length;
      if (isStopping || busy >= context.concurrency) continue;
      waiting.splice(waiting.indexOf(job), 1);
      if (!postpone(job)) start(job);
    }
  }

  function postpone(job: Job): boolean {
    const { postponeMs } = context.faults();
    if (postponeMs === 0 || postponed.has(job.id)) return false;
    postponed.add(job.id);
    const until = new Date(Date.now() + postponeMs);
    const inQueue = waiting.length + delayed.size + 1;
    reports.add(job, eventFactory(siteOf(job), job).postponed(until, inQueue));
    enqueue(job, postponeMs);
    return true;
  }

  function start(job: Job): void {
    const abort = new AbortController();
    const done = run(job, abort.signal).finally(() => {
      running.delete(job.id);
      postponed.delete(job.id);
      startWaiting();
    });
    running.set(job.id, { job, abort, done });
  }

  async function run(job: Job, signal: AbortSignal): Promise<void> {
    try {
      await runToEnd(job, signal);
    } catch (error) {
      // The job stays "processing" in the database and is run again at the next start.
      const reason = signal.aborted ? "stopping" : describe(error);
      log("job-interrupted", { jobId: job.id, reason });
    }
  }

  async function runToEnd(job: Job, signal: AbortSignal): Promise<void> {
    const site = siteOf(job);
    const startedAt = performance.now();
    jobs.start(job.id);
    writing.add(job.id);
    job.attempts++;
    const events = eventFactory(site, job);
    const { keyBase64 } = job.secrets;
    const key = keyBase64 === "" ? undefined : Buffer.from(keyBase64, "base64");
    reports.add(job, events.logFileCreated(logFileName(job.id)));
    reports.add(job, events.started());
    let last: JobEvent[];
    let state: "ended" | "deleted" = "ended";
    try {
      const { strictness, containerLifetimeSeconds } = context.faults();
      if (Date.now() > job.queuedAt.getTime() + containerLifetimeSeconds * 1000) {
        throw new JobFailure("The Azure containers of the job have expired", hresult.accessDenied);
      }
      const pkg = await readPackage(job.secrets, key, strictness, signal);
      const emit = (event: JobEvent) => reports.add(job, event);
      const statistics = await importJob({ ...context, site, job, key, events, signal, emit }, pkg);
      last = [events.ended(statistics.final())];
    } catch (error) {
      if (signal.aborted && signal.reason !== DELETED) throw error;
      if (signal.aborted) {
        state = "deleted";
        last = [events.cancelled(), events.deleted()];
      } else {
        const code = error instanceof JobFailure ? error.code : hresult.generic;
        last = [events.fatal({ code, message: describe(error) })];
      }
    } finally {
      writing.delete(job.id);
    }
    await writeLogs(job, key, last);
    // Only when nobody else is about to write: a job makes the folder, and then a file in it.
    if (writing.size === 0) site.libraries.forEach(removeEmptyTemporaryFolder);
    if (context.faults().dropJobEnd) last = last.filter((event) => event.Event !== "JobEnd");
    await end(job, state, last);
    const milliseconds = Math.round(performance.now() - startedAt);
    const outcome = last.at(-1)?.Event ?? "JobEnd not reported";
    log("job-ended", { jobId: job.id, site: job.site, outcome, milliseconds });
  }

  /** The logs are there before JobEnd is, so that whoever reads JobEnd finds them. */
  async function writeLogs(job: Job, key: PackageKey, last: JobEvent[]): Promise<void> {
    const events = jobs.log(job.id).map((body) => JSON.parse(body) as JobEvent);
    try {
      await writeJobLogs(job, key, [...events, ...last]);
    } catch (error) {
      log("job-log-failed", { jobId: job.id, reason: describe(error) });
    }
  }

  /** Keeps the last events of a job and its end together: a crash leaves both or neither. */
  async function end(job: Job, state: "ended" | "deleted", last: JobEvent[]): Promise<void> {
    await reports.sent(job);
    transact(database, () => {
      for (const event of last) reports.add(job, event);
      reports.end(job);
      jobs.end(job.id, state);
    });
    settleEndedClaims(database, items, sites);
    await reports.sent(job);
  }

  function siteOf(job: Job): Site {
    const site = context.sites.get(job.site.toLowerCase());
    if (!site) throw new Error(`Site ${job.site} is not configured`);
    return site;
  }

  return {
    /** Takes a new job that is in the store already. */
    submit(job: Job): void {
      reports.add(job, eventFactory(siteOf(job), job).queued());
      enqueue(job, context.faults().startDelayMs);
    },
    /** Takes up the jobs that an earlier process left. Jobs of sites that are no longer configured stay as they are. */
    resume(): void {
      for (const site of sites.values()) site.libraries.forEach(removeTemporaryFiles);
      settleEndedClaims(database, items, sites);
      const unfinished = jobs.unfinished();
      if (unfinished.length > 0) {
        for (const { libraries } of sites.values())
          for (const library of libraries) restoreAllFolderTimes(items, library);
      }
      for (const job of unfinished) {
        if (context.sites.has(job.site.toLowerCase())) enqueue(job, 0);
      }
    },
    /** Deletes a job that has not ended. Returns false if there is none. */
    async remove(site: Site, id: string): Promise<boolean> {
      const state = jobs.state(site.name, id);
      if (state !== "queued" && state !== "processing") return false;
      const current = running.get(id);
      if (current) {
        current.abort.abort(DELETED);
        return true;
      }
      const at = waiting.findIndex((job) => job.id === id);
      const job = delayed.get(id)?.job ?? waiting[at];
      if (!job) return false;
      clearTimeout(delayed.get(id)?.timer);
      delayed.delete(id);
      if (at !== -1) waiting.splice(at, 1);
      await end(job, "deleted", [eventFactory(site, job).deleted()]);
      return true;
    },
    /** Interrupts what runs; it goes on at the next start. */
    async stop(): Promise<void> {
      isStopping = true;
      for (const { timer } of delayed.values()) clearTimeout(timer);
      for (const { abort } of running.values()) abort.abort("stopping");
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}
