import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Faults, happens } from "../faults.ts";
import { decrypt, openBlob, type PackageKey, requireSnapshot } from "../package/blobs.ts";
import type { FileContent, FileObject } from "../package/manifest.ts";
import type { ImportPackage } from "../package/read-package.ts";
import type { Job } from "../record/job-store.ts";
import { diskPath, TEMPORARY_FOLDER } from "../record/library-folder.ts";
import { ItemFailure } from "./failures.ts";
import type { Place } from "./places.ts";
import { type Sink, writeFileAtomically } from "./write-file.ts";

interface FileContext {
  job: Job;
  key: PackageKey;
  faults: () => Faults;
  signal: AbortSignal;
}

/**
 * Writes the current version of a file to its place. Older versions have no place on disk, but they are read and
 * checked in the same way. Returns the plain sizes, oldest first. Throws ItemFailure, or the error of the disk.
 */
export async function importFile(
  { job, key, faults, signal }: FileContext,
  pkg: ImportPackage,
  file: FileObject,
  place: Place,
): Promise<number[]> {
  const { itemErrorRate, slowImportMs } = faults();
  if (slowImportMs > 0) await delay(slowImportMs, undefined, { signal });
  if (happens(faults(), itemErrorRate, "item", job.number, file.url)) {
    throw new ItemFailure("Simulated item error");
  }
  const sizes: number[] = [];
  for (const version of file.history) {
    sizes.push(await readContent(pkg, key, version, async () => {}));
  }
  // Two jobs may write the same file at the same time.
  const name = createHash("md5").update(job.id).update(file.id).digest("hex");
  const temporary = join(place.library.folder, TEMPORARY_FOLDER, name);
  const modified = file.modified === undefined ? new Date() : new Date(file.modified);
  sizes.push(
    await writeFileAtomically(diskPath(place.library, place.path), temporary, modified, (sink) =>
      readContent(pkg, key, file.content, sink),
    ),
  );
  return sizes;
}

/** Reads one content from its archive or its blob. */
async function readContent(
  pkg: ImportPackage,
  key: PackageKey,
  content: FileContent,
  sink: Sink,
): Promise<number> {
  if (content.fileValue === "") throw new ItemFailure("The FileValue attribute is missing");
  const member = pkg.archived.get(content.fileValue);
  if (member instanceof ItemFailure) throw member;
  if (member) return decrypt([member], { name: content.fileValue }, key, content, sink);
  const blob = requireSnapshot(pkg.data, content.fileValue);
  return decrypt(await openBlob(pkg.data, blob), blob, key, content, sink);
}
