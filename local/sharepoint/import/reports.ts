import { createCipheriv, randomBytes } from "node:crypto";
import { type Faults, happens } from "../faults.ts";
import type { Log } from "../logger.ts";
import type { Job, JobStore } from "../record/job-store.ts";
import type { JobEvent } from "./events.ts";
import { describe } from "./failures.ts";

export type Reports = ReturnType<typeof jobReports>;

/** Reports the events of jobs on both channels: GetMigrationJobProgress, and the queue where a job names one. */
export function jobReports(jobs: JobStore, faults: () => Faults, log: Log) {
  /** Events that the faults let wait for the one that follows. */
  const held = new Map<string, JobEvent>();
  const queues = new Map<string, Promise<void>>();
  const counts = new Map<string, number>();

  function publish(job: Job, event: JobEvent): void {
    const late = faults().lateEventsMs;
    jobs.addEvent(job.id, JSON.stringify(event), late);
    if (job.secrets.queueUri === "") return;
    const sent = (queues.get(job.id) ?? Promise.resolve())
      .then(() => putMessage(job, event, late))
      .catch((error) => log("queue-failed", { jobId: job.id, reason: describe(error) }));
    queues.set(job.id, sent);
  }

  return {
    add(job: Job, event: JobEvent): void {
      const number = (counts.get(job.id) ?? 0) + 1;
      counts.set(job.id, number);
      const { duplicateEventRate, reorderEventRate } = faults();
      const meets = (rate: number, fault: string) =>
        happens(faults(), rate, fault, job.number, number);
      const before = held.get(job.id);
      held.delete(job.id);
      if (!before && meets(reorderEventRate, "reorder")) {
        held.set(job.id, event);
        return;
      }
      publish(job, event);
      if (meets(duplicateEventRate, "duplicate")) publish(job, event);
      if (before) publish(job, before);
    },
    /** The job has no more events. */
    end(job: Job): void {
      const last = held.get(job.id);
      if (last) publish(job, last);
      for (const map of [held, counts]) map.delete(job.id);
    },
    /** Resolves when the queue has what the job has reported so far. */
    async sent(job: Job): Promise<void> {
      await queues.get(job.id);
      queues.delete(job.id);
    },
  };
}

/**
 * MS docs "migration-api-reference": the message text is base64 of JSON. The event of an encrypted job is the Content of an
 * envelope, AES-256-CBC with the job's key and an IV of its own.
 */
async function putMessage(job: Job, event: JobEvent, lateMs: number): Promise<void> {
  const text = JSON.stringify(event);
  const message = job.secrets.keyBase64 === "" ? text : JSON.stringify(envelope(job, text));
  const url = new URL(job.secrets.queueUri);
  url.pathname += "/messages";
  if (lateMs > 0) url.searchParams.set("visibilitytimeout", String(Math.ceil(lateMs / 1000)));
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/xml", "x-ms-version": "2021-12-02" },
    body: `<QueueMessage><MessageText>${Buffer.from(message).toString("base64")}</MessageText></QueueMessage>`,
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`unable to add events: HTTP ${response.status}`);
}

function envelope({ id, secrets }: Job, event: string) {
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-256-cbc", Buffer.from(secrets.keyBase64, "base64"), iv);
  const content = Buffer.concat([cipher.update(event, "utf8"), cipher.final()]);
  return {
    Label: "Encrypted",
    JobId: id,
    IV: iv.toString("base64"),
    Content: content.toString("base64"),
  };
}
