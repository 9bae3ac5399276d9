import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { UploadedFile, UploadResult } from "../../../shared/contracts/work.ts";
import { MAX_ARCHIVES } from "../../../shared/rules/limits.ts";
import { checkTime } from "../../../shared/rules/times.ts";
import type { UploadedContent } from "./packageManifest.ts";
import type { Plan } from "./plan.ts";
import { contentKey } from "./versions.ts";

/** Indexes of the plan's items whose content an agent has to upload. */
export const filesToUpload = (plan: Plan): number[] =>
  plan.items.flatMap(({ action, kind }, index) =>
    action === "migrate" && kind === "file" ? [index] : [],
  );

/**
 * Checks what an agent says about an upload before anything is built on it: one result for every file of the plan and no
 * other, what was asked of its older versions and no more, every archive that a content names. What is wrong with one file alone is
 * that file's failure. Throws BAD_REQUEST.
 */
export function acceptUpload(plan: Plan, result: UploadResult): UploadResult {
  const expected = new Set(filesToUpload(plan));
  const blobs = new Set<string>();
  const archives = new Set(result.archives.map(({ name }) => name));
  if (archives.size !== result.archives.length || archives.size > MAX_ARCHIVES)
    throw refuse(`${result.archives.length} archives, of at most ${MAX_ARCHIVES} with own names`);
  for (const file of result.files) {
    if (!expected.delete(file.index))
      throw refuse(`file ${file.index} is not of the package or named twice`);
    if (file.status === "failed") continue;
    checkVersions(plan, file);
    for (const { blob, archive } of [file, ...(file.versions ?? [])]) {
      if (blobs.has(blob)) throw refuse(`blob ${blob} is named twice`);
      blobs.add(blob);
      if (archive !== undefined && !archives.has(archive))
        throw refuse(`file ${file.index} is in archive ${archive}, which is not stored`);
    }
  }
  if (expected.size > 0) throw refuse(`nothing is said about ${expected.size} files`);
  return {
    ...result,
    files: result.files.map((file) =>
      file.status === "uploaded" ? withStorableTime(withOwnVersions(file)) : file,
    ),
  };
}

/** Each version that was asked for was uploaded, as it was asked for and in that order, or was left out. */
function checkVersions(
  plan: Plan,
  { index, versions = [], versionsLeftOut = [] }: UploadedContent,
) {
  const asked = plan.items[index]?.versions ?? [];
  const isLeftOut = new Set(versionsLeftOut.map(({ snapshot }) => snapshot));
  const expected = asked.filter(({ snapshot }) => !isLeftOut.has(snapshot));
  const isSame = expected.every(
    (version, at) =>
      version.snapshot === versions[at]?.snapshot &&
      contentKey(version) === contentKey(versions[at]),
  );
  const isAll = expected.length === versions.length;
  if (!isSame || !isAll || asked.length - expected.length !== versionsLeftOut.length)
    throw refuse(`the versions of file ${index} are not those of the package`);
}

/** A file that was changed back since the scan is one of its own older versions, and comes once. */
function withOwnVersions({ versions, ...file }: UploadedContent): UploadedContent {
  const own = versions?.filter((version) => contentKey(version) !== contentKey(file)) ?? [];
  return { ...file, ...(own.length > 0 && { versions: own }) };
}

const refuse = (what: string) =>
  new LongshoreError("BAD_REQUEST", `the result of the upload is not usable: ${what}`);

/** The file may have been touched since the scan, and no manifest can be written with a time that SharePoint refuses. */
function withStorableTime(file: UploadedContent): UploadedFile {
  const issue = checkTime(file.modified);
  return issue ? { status: "failed", index: file.index, issue } : file;
}
