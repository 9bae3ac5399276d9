import { createCipheriv, randomBytes } from "node:crypto";
import { ContainerClient } from "@azure/storage-blob";
import type { PackageKey } from "../package/blobs.ts";
import type { Job } from "../record/job-store.ts";
import type { JobEvent } from "./events.ts";

/** Which events go into which log: `.log` has all, the others are there only if they have something to say. */
const logs: { extension: string; events: RegExp | undefined }[] = [
  { extension: "log", events: undefined },
  { extension: "wrn", events: /^JobWarning$/ },
  { extension: "err", events: /^Job(Fatal)?Error$/ },
];

export function logFileName(jobId: string): string {
  return `Import-${jobId}-1.log`;
}

/**
 * Writes `Import-{jobId}-1.log`, `.wrn` and `.err` into the metadata container, encrypted with the job key if it
 * has one, the IV in the blob's metadata. Microsoft does not publish the format of a line; the known marks are [Error] and the item's id.
 */
export async function writeJobLogs(job: Job, key: PackageKey, events: JobEvent[]): Promise<void> {
  const container = new ContainerClient(job.secrets.metadataContainerUri);
  for (const log of logs) {
    const lines = events.filter(({ Event }) => log.events?.test(Event) ?? true).map(toLine);
    if (lines.length === 0) continue;
    const text = Buffer.from(`${lines.join("\n")}\n`);
    const blob = container.getBlockBlobClient(logFileName(job.id).replace(/log$/, log.extension));
    const iv = randomBytes(16);
    const cipher = key && createCipheriv("aes-256-cbc", key, iv);
    await (cipher
      ? blob.uploadData(Buffer.concat([cipher.update(text), cipher.final()]), {
          metadata: { IV: iv.toString("base64") },
        })
      : blob.uploadData(text));
  }
}

function toLine(event: JobEvent): string {
  const level = /Error$/.test(event.Event)
    ? "Error"
    : event.Event === "JobWarning"
      ? "Warning"
      : "Info";
  const about = event.ObjectType === undefined ? event.Event : event.ObjectType || "Job";
  const text = event.Message ?? JSON.stringify(event);
  return `[${event.Time}] [${about}] [${level}] [${event.Url ?? ""}] [${event.Id ?? ""}] ${text}`;
}
