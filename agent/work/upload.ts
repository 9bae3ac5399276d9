import type { Issue } from "../../shared/contracts/inventory.ts";
import type { UploadedFile, UploadResult, UploadSpec } from "../../shared/contracts/work.ts";
import { cipherLength, encryptBuffer } from "../../shared/package/cipher.ts";
import { MAX_ARCHIVED_MEMBER_BYTES } from "../../shared/rules/limits.ts";
import { backoffMs, pause } from "../backoff.ts";
import { type Progress, WorkStopped } from "../lease.ts";
import { messageOf } from "../log.ts";
import { createReader, type SourceFile, SourceProblem } from "../source/read.ts";
import { type Container, StorageError } from "../storage/container.ts";
import { createPacker, type Packed } from "./archives.ts";
import { type StoredBlob, storeEncrypted, storeFile } from "./blobs.ts";
import { inLanes } from "./lanes.ts";

export interface UploadContext {
  /** Real path of the source. */
  root: string;
  container: Container;
  progress: Progress;
  signal: AbortSignal;
}

type PlannedFile = UploadSpec["files"][number];

/** Small files wait for the share and the storage rather than for the processor; large ones would share one line anyway. */
const SMALL_LANES = 16;
const LARGE_LANES = 4;

const isSmall = (bytes: number): boolean => cipherLength(bytes) <= MAX_ARCHIVED_MEMBER_BYTES;
const SMALL_BYTES = MAX_ARCHIVED_MEMBER_BYTES;

/**
 * Encrypts and uploads the files of one package. Every file of the spec has one result, in its order: what goes wrong with a
 * file, or with the whole container, is a result and not an error. Only the signal ends the work early, or being asked to yield,
 * between two files.
 */
export async function upload(spec: UploadSpec, context: UploadContext): Promise<UploadResult> {
  const { container, progress, signal } = context;
  const key = Buffer.from(spec.contentKey, "base64");
  const reader = createReader(context.root);
  const packer = spec.archiveSmallFiles ? createPacker(container, key, spec.blobPrefix) : undefined;
  const results = new Map<number, UploadedFile>();
  const packed: Promise<void>[] = [];
  let done = 0;

  async function uploadFile(file: PlannedFile, buffer: () => Buffer): Promise<void> {
    let counted = 0;
    const reached = (position: number) => {
      progress.bytes += position - counted;
      counted = position;
    };
    const settle = (outcome: UploadedFile) => {
      results.set(file.index, outcome);
      progress.items++;
      reached(outcome.status === "uploaded" ? outcome.size : 0);
    };
    const failed = (error: unknown) =>
      settle({ status: "failed", index: file.index, issue: issueOf(error) });
    try {
      const { stored, ...rest } = await tryFile(file, buffer, reached);
      const uploaded: UploadedFile = { status: "uploaded", index: file.index, ...rest };
      if (stored === undefined) settle(uploaded);
      else packed.push(stored.then(() => settle(uploaded), failed));
    } catch (error) {
      signal.throwIfAborted();
      failed(error);
    }
    done++;
  }

  async function tryFile(
    file: PlannedFile,
    buffer: () => Buffer,
    reached: Reached,
  ): Promise<Uploaded> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        const source = await reader.open(file.path);
        try {
          return await store(source, blobName(spec.blobPrefix, file.index), buffer, reached);
        } finally {
          await source.close();
        }
      } catch (error) {
        const again = error instanceof SourceProblem && error.passing;
        if (!again || attempt >= spec.attemptsPerFile) throw error;
        await pause(backoffMs(attempt, 250, 5_000), signal);
      }
    }
  }

  /** What is small or not is decided by the file as it is now, not as it was planned. */
  async function store(
    source: SourceFile,
    blob: string,
    buffer: () => Buffer,
    reached: Reached,
  ): Promise<Uploaded> {
    const { size, modified } = source;
    if (!isSmall(size))
      return {
        size,
        modified,
        blob,
        ...(await storeFile(container, blob, key, source, { reached })),
      };
    const plain = buffer().subarray(0, size);
    await source.readFully(plain, 0);
    await source.checkUnchanged();
    const encrypted = encryptBuffer(key, plain);
    const place = packer?.add(blob, encrypted.data);
    if (place === undefined)
      return { size, modified, blob, ...(await storeEncrypted(container, blob, encrypted)) };
    const iv = encrypted.iv.toString("base64");
    return { size, modified, blob, ...place, iv, md5: encrypted.md5 };
  }

  const lanes = (files: PlannedFile[], count: number) =>
    inLanes(
      files,
      Math.min(count, files.length),
      laneBuffers(uploadFile),
      () => !progress.yielding,
    );
  const { small = [], large = [] } = Object.groupBy(spec.files, ({ size }) =>
    isSmall(size) ? "small" : "large",
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

/** Told how far a large file has been sent, so that progress does not stand still meanwhile. */
type Reached = (position: number) => void;

/** `stored` is there when the blob is in an archive that is still on its way. */
type Uploaded = StoredBlob & { size: number; modified: number; blob: string } & Partial<Packed>;

const blobName = (prefix: string, index: number): string =>
  `${prefix}-${index.toString().padStart(8, "0")}.dat`;

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
