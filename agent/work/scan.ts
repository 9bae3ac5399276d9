import { promisify } from "node:util";
import { gzip as gzipCallback } from "node:zlib";
import type { SegmentSummary } from "../../shared/contracts/inventory.ts";
import type { ScanResult, ScanSpec } from "../../shared/contracts/work.ts";
import { type Progress, WorkStopped } from "../lease.ts";
import type { Log } from "../log.ts";
import { findHistory } from "../source/history.ts";
import { ownershipReader } from "../source/people.ts";
import { walk } from "../source/walk.ts";
import { bodyOf, type Container } from "./container.ts";
import { cutSegments, type Segment } from "./segments.ts";

const gzip = promisify(gzipCallback);

/** Segments on their way to storage at the same time. */
const UPLOADS = 4;

export interface ScanContext {
  /** Real path of the source. */
  root: string;
  /** Folders the agent may read; none means any. */
  roots: readonly string[];
  container: Container;
  progress: Progress;
  log: Log;
  signal: AbortSignal;
}

/**
 * Walks the source and writes its segments. Each one is told to `progress` once its blob and all blobs before it are
 * written. Throws StorageError when a segment cannot be written: without it the inventory would have a hole. Asked to yield, it stops
 * after a segment; whoever goes on begins behind the last one that was registered.
 */
export async function scan(spec: ScanSpec, context: ScanContext): Promise<ScanResult> {
  const { root, container, progress, signal } = context;
  const first = spec.resume?.segment ?? 0;
  const history = spec.versions && (await findHistory(spec.versions, context));
  let totalSegments = first;
  let told: Promise<void> = Promise.resolve();
  const underway: Promise<void>[] = [];
  for await (const segment of cutSegments(
    walk(root, {
      ...{ after: spec.resume?.after, names: spec.names, signal },
      ...{ past: history?.past, snapshotFolder: history?.snapshotFolder },
      ownershipOf: spec.people && ownershipReader(),
    }),
    spec,
    first,
  )) {
    totalSegments++;
    told = tell(progress, told, write(container, spec.blobPrefix, segment));
    told.catch(() => undefined); // looked at below, in order
    underway.push(told);
    if (underway.length >= UPLOADS) await underway.shift();
    if (!progress.yielding) continue;
    await told;
    throw new WorkStopped("yielded", `the task pauses after segment ${totalSegments - 1}`);
  }
  await told;
  const warnings = history?.warnings() ?? [];
  return { kind: "scan", segments: [], totalSegments, ...(warnings.length > 0 && { warnings }) };
}

async function write(
  container: Container,
  prefix: string,
  { summary, text }: Segment,
): Promise<SegmentSummary> {
  const blob = `${prefix}-${summary.segment.toString().padStart(6, "0")}.jsonl.gz`;
  await container.putBlob(blob, bodyOf(await gzip(text)));
  return { ...summary, blob };
}

async function tell(
  progress: Progress,
  before: Promise<void>,
  written: Promise<SegmentSummary>,
): Promise<void> {
  const [summary] = await Promise.all([written, before]);
  progress.items += summary.items;
  progress.bytes += summary.bytes;
  progress.segmentWritten(summary);
}
