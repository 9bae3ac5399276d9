import type { DatabaseSync } from "node:sqlite";
import type { Faults } from "../faults.ts";
import type { Log } from "../logger.ts";
import { readPackage } from "../package/read-package.ts";
import { settleEndedClaims } from "../record/ended-claims.ts";
import type { ItemStore } from "../record/item-store.ts";
import type { Job, JobStore } from "../record/job-store.ts";
import {
  type LibraryFolders,
  removeEmptyTemporaryFolder,
  removeTemporaryFiles,
} from "../record/library-folder.ts";
import type { Site } from "../sites.ts";
import { hresult } from "./error-codes.ts";
import { eventFactory, type JobEvent } from "./events.ts";
import { describe, JobFailure } from "./failures.ts";
import { restoreAllFolderTimes } from "./folder-times.ts";
import { importJob } from "./import-job.ts";
import { logFileName, writeJobLogs } from "./job-log.ts";

interface RunnerContext {
  sites: Map<string, Site>;
  database: DatabaseSync;
  jobs: JobStore;
  items: ItemStore;
  folders: LibraryFolders;
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
  const timers = new Map<string, NodeJS.Timeout>();
  const postponed = new Set<string>();
  const running = new Map<string, { job: Job; abort: AbortController; done: Promise<void> }>();
  let isStopping = false;

  function enqueue(job: Job, delayMs: number): void {
    const ready = () => {
      timers.delete(job.id);
      waiting.push(job);
      startWaiting();
    };
    timers.set(job.id, setTimeout(ready, delayMs));
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
    emit(job, eventFactory(siteOf(job), job).postponed(until, waiting.length + timers.size + 1));
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
      log("job-interrupted", {
        jobId: job.id,
        reason: signal.aborted ? "stopping" : describe(error),
      });
    }
  }

  async function runToEnd(job: Job, signal: AbortSignal): Promise<void> {
    const site = siteOf(job);
    const startedAt = performance.now();
    jobs.start(job.id);
    job.attempts++;
    const events = eventFactory(site, job);
    const key = Buffer.from(job.secrets.keyBase64, "base64");
    emit(job, events.logFileCreated(logFileName(job.id)));
    emit(job, events.started());
    let last: JobEvent[];
    let state: "ended" | "deleted" = "ended";
    try {
      const { dataContainerUri, metadataContainerUri } = job.secrets;
      const pkg = await readPackage(dataContainerUri, metadataContainerUri, key, signal);
      const statistics = await importJob(
        { ...context, site, job, key, events, signal, emit: (event) => emit(job, event) },
        pkg,
      );
      last = [events.ended(statistics.final())];
    } catch (error) {
      if (signal.aborted && signal.reason !== DELETED) throw error;
      if (signal.aborted) {
        state = "deleted";
        last = [events.cancelled(), events.deleted()];
      } else {
        last = [events.fatal(aboutJob(error))];
      }
    }
    await writeLogs(job, key, last);
    // Only when nobody else is about to write: a job makes the folder, and then a file in it.
    if (running.size === 1) site.libraries.forEach(removeEmptyTemporaryFolder);
    if (context.faults().dropJobEnd) last = last.filter((event) => event.Event !== "JobEnd");
    jobs.end(
      job.id,
      state,
      last.map((event) => JSON.stringify(event)),
    );
    settleEndedClaims(database, items, sites);
    log("job-ended", {
      jobId: job.id,
      site: job.site,
      outcome: last.at(-1)?.Event ?? "JobEnd not reported",
      milliseconds: Math.round(performance.now() - startedAt),
    });
  }

  /** The logs are there before JobEnd is, so that whoever reads JobEnd finds them. */
  async function writeLogs(job: Job, key: Buffer, last: JobEvent[]): Promise<void> {
    const events: JobEvent[] = [];
    for (let token = 0; ; ) {
      const page = jobs.events(job.id, token);
      if (page.bodies.length === 0) break;
      events.push(...page.bodies.map((body) => JSON.parse(body) as JobEvent));
      token = page.nextToken;
    }
    try {
      await writeJobLogs(job.secrets.metadataContainerUri, job, key, [...events, ...last]);
    } catch (error) {
      log("job-log-failed", { jobId: job.id, reason: describe(error) });
    }
  }

  function emit(job: Job, event: JobEvent): void {
    jobs.addEvent(job.id, JSON.stringify(event));
  }

  function siteOf(job: Job): Site {
    const site = context.sites.get(job.site.toLowerCase());
    if (!site) throw new Error(`Site ${job.site} is not configured`);
    return site;
  }

  return {
    /** Takes a new job that is in the store already. */
    submit(job: Job): void {
      emit(job, eventFactory(siteOf(job), job).queued());
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
    remove(site: Site, id: string): boolean {
      const state = jobs.state(site.name, id);
      if (state !== "queued" && state !== "processing") return false;
      const current = running.get(id);
      if (current) {
        current.abort.abort(DELETED);
        return true;
      }
      clearTimeout(timers.get(id));
      timers.delete(id);
      const at = waiting.findIndex((job) => job.id === id);
      if (at !== -1) waiting.splice(at, 1);
      const job = { id, site: site.name, attempts: 0 } as Job;
      jobs.end(id, "deleted", [JSON.stringify(eventFactory(site, job).deleted())]);
      settleEndedClaims(database, items, sites);
      return true;
    },
    /** Interrupts what runs; it goes on at the next start. */
    async stop(): Promise<void> {
      isStopping = true;
      for (const timer of timers.values()) clearTimeout(timer);
      for (const { abort } of running.values()) abort.abort("stopping");
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

function aboutJob(error: unknown) {
  const code = error instanceof JobFailure ? error.code : hresult.generic;
  return { objectType: "" as const, url: "", id: "", code, message: describe(error) };
}
