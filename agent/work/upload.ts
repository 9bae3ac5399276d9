import type { Issue } from "../../shared/contracts/inventory.ts";
import type { UploadedFile, UploadResult, UploadSpec } from "../../shared/contracts/work.ts";
import { type Progress, WorkStopped } from "../lease.ts";
import { type Log, messageOf } from "../log.ts";
import { createReader, SourceProblem } from "../source/read.ts";
import { createPastReader } from "../source/read-past.ts";
import { openSnapshots } from "../source/snapshots.ts";
import { createPacker } from "./archives.ts";
import { type Container, StorageError } from "./container.ts";
import { type Content, createUploader, isSmall, SMALL_BYTES } from "./contents.ts";
import { inLanes } from "./lanes.ts";

export interface UploadContext {
  /** Real path of the source. */
  root: string;
  /** Folders the agent may read; none means any. */
  roots: readonly string[];
  container: Container;
  progress: Progress;
  log: Log;
  signal: AbortSignal;
}

type PlannedFile = UploadSpec["files"][number];
type Outcome = Extract<UploadedFile, { status: "uploaded" }>;

/** Small files wait for the share and the storage rather than for the processor; large ones would share one line anyway. */
const SMALL_LANES = 16;
const LARGE_LANES = 4;

/**
 * Encrypts and uploads the files of one package, each with its older versions. Every file of the spec has one result, in its
 * order: what goes wrong with a file, or with the whole container, is a result and not an error. A version that cannot be read is left out of
 * its file's. Only the signal ends the work early, or being asked to yield, between two files.
 */
export async function upload(spec: UploadSpec, context: UploadContext): Promise<UploadResult> {
  const { root, roots, container, progress, log, signal } = context;
  const { blobPrefix } = spec;
  const packer = spec.archiveSmallFiles
    ? createPacker(container, Buffer.from(spec.contentKey, "base64"), blobPrefix)
    : undefined;
  const uploadContent = createUploader(spec, { container, packer, signal });
  const reader = createReader(root);
  const past = createPastReader(openSnapshots(root, { roots, folder: spec.snapshotFolder, log }));
  const results = new Map<number, UploadedFile>();
  const packed: Promise<void>[] = [];
  let done = 0;

  async function uploadFile(file: PlannedFile, buffer: () => Buffer): Promise<void> {
    const count = counter(progress);
    const settle = (outcome: UploadedFile) => {
      results.set(file.index, outcome);
      progress.items++;
    };
    const failed = (error: unknown) => {
      count.none();
      settle({ status: "failed", index: file.index, issue: issueOf(error) });
    };
    try {
      const { outcome, stored } = await uploadContents(file, { buffer, count });
      if (stored.length === 0) settle(outcome);
      else packed.push(Promise.all(stored).then(() => settle(outcome), failed));
    } catch (error) {
      signal.throwIfAborted();
      failed(error);
    }
    done++;
  }

  /** Stores the current content and then the older ones: without it they would be nobody's. */
  async function uploadContents(
    { index, path, versions = [] }: PlannedFile,
    { buffer, count }: { buffer: () => Buffer; count: Counter },
  ): Promise<{ outcome: Outcome; stored: Promise<void>[] }> {
    const pending: Promise<void>[] = [];
    const uploadOne = async (content: Pick<Content, "blob" | "open">) => {
      const { stored, ...rest } = await uploadContent({
        ...{ ...content, buffer, reached: count.reached },
      });
      count.passed(rest.size);
      if (stored !== undefined) pending.push(stored);
      return rest;
    };

    const name = `${blobPrefix}-${index.toString().padStart(8, "0")}`;
    const current = await uploadOne({ blob: `${name}.dat`, open: () => reader.open(path) });
    const older: NonNullable<Outcome["versions"]> = [];
    const leftOut: NonNullable<Outcome["versionsLeftOut"]> = [];
    for (const [number, version] of versions.entries()) {
      const { snapshot } = version;
      try {
        const open = () => past.open(path, version);
        older.push({ snapshot, ...(await uploadOne({ blob: `${name}-v${number}.dat`, open })) });
      } catch (error) {
        if (!(error instanceof SourceProblem)) throw error;
        count.reached(0);
        leftOut.push({ snapshot, issue: error.issue });
      }
    }
    const outcome: Outcome = {
      ...{ status: "uploaded", index, ...current },
      ...(older.length > 0 && { versions: older }),
      ...(leftOut.length > 0 && { versionsLeftOut: leftOut }),
    };
    return { outcome, stored: pending };
  }

  const lanes = (files: PlannedFile[], count: number) =>
    inLanes(
      files,
      Math.min(count, files.length),
      laneBuffers(uploadFile),
      () => !progress.yielding,
    );
  const { small = [], large = [] } = Object.groupBy(spec.files, ({ size, versions = [] }) =>
    [size, ...versions.map((version) => version.size)].every(isSmall) ? "small" : "large",
  );
  await Promise.all([lanes(small, SMALL_LANES), lanes(large, LARGE_LANES)]);
  if (done < spec.files.length)
    throw new WorkStopped(
      "yielded",
      `the task pauses: ${done} of ${spec.files.length} files were through`,
    );
  const archives = (await packer?.finish()) ?? [];
  await Promise.all(packed);
  signal.throwIfAborted();
  return {
    kind: "upload",
    files: spec.files.map(({ index }) => results.get(index) as UploadedFile),
    archives,
  };
}

/** Counts the bytes of one file, whose contents are sent one after the other. */
interface Counter {
  /** So far the content that is being sent has got. */
  reached(position: number): void;
  /** A content of this size is through. */
  passed(size: number): void;
  /** Nothing of the file counts. */
  none(): void;
}

function counter(progress: Progress): Counter {
  let before = 0;
  let counted = 0;
  const countTo = (bytes: number) => {
    progress.bytes += bytes - counted;
    counted = bytes;
  };
  return {
    reached: (position) => countTo(before + position),
    passed(size) {
      before += size;
      countTo(before);
    },
    none: () => countTo(0),
  };
}

/** Gives every lane one buffer for small files, made when it is first needed. */
function laneBuffers<T>(
  work: (item: T, buffer: () => Buffer) => Promise<void>,
): (item: T, lane: number) => Promise<void> {
  const buffers: Buffer[] = [];
  return (item, lane) => work(item, () => (buffers[lane] ??= Buffer.allocUnsafe(SMALL_BYTES)));
}

function issueOf(error: unknown): Issue {
  if (error instanceof SourceProblem) return error.issue;
  const message = messageOf(error).slice(0, 2000);
  return { code: error instanceof StorageError ? "UPLOAD_FAILED" : "INTERNAL", message };
}
