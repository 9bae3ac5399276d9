import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { UploadedFile, UploadResult } from "../../shared/contracts/work.ts";
import { MAX_ARCHIVES } from "../../shared/rules/limits.ts";
import { checkTime } from "../../shared/rules/times.ts";
import type { Plan } from "./plan.ts";

/** Indexes of the plan's items whose content an agent has to upload. */
export const filesToUpload = (plan: Plan): number[] =>
  plan.items.flatMap(({ action, kind }, index) =>
    action === "migrate" && kind === "file" ? [index] : [],
  );

/**
 * Checks what an agent says about an upload before anything is built on it: one result for every file of the plan and no
 * other, every archive that a file names. What is wrong with one file alone is that file's failure. Throws BAD_REQUEST.
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
    if (blobs.has(file.blob)) throw refuse(`blob ${file.blob} is named twice`);
    blobs.add(file.blob);
    if (file.archive !== undefined && !archives.has(file.archive))
      throw refuse(`file ${file.index} is in archive ${file.archive}, which is not stored`);
  }
  if (expected.size > 0) throw refuse(`nothing is said about ${expected.size} files`);
  return { ...result, files: result.files.map(withStorableTime) };
}

const refuse = (what: string) =>
  new LongshoreError("BAD_REQUEST", `the result of the upload is not usable: ${what}`);

/** The file may have been touched since the scan, and no manifest can be written with a time that SharePoint refuses. */
function withStorableTime(file: UploadedFile): UploadedFile {
  const issue = file.status === "uploaded" ? checkTime(file.modified) : undefined;
  return issue ? { status: "failed", index: file.index, issue } : file;
}
