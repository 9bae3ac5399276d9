import type { Issue, VersionLeftOut } from "../../../shared/contracts/inventory.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import type { UploadedFile, UploadResult } from "../../../shared/contracts/work.ts";
import type { RoundRecord } from "../records.ts";
import type { Plan, PlanItem } from "./plan.ts";
import { leftOutIssue } from "./versions.ts";

export interface PackageFacts {
  round: number;
  segment: number;
  job?: string;
  agent?: string;
}

/** Why an item of the package did not arrive, or undefined when it did. */
export type Verdict = (item: PlanItem) => Issue | undefined;

/** Whether the container, and not the source, is why the file was not uploaded. */
export const isNotUploaded = (file: UploadedFile): boolean =>
  file.status === "failed" && file.issue.code === "UPLOAD_FAILED";

const NOT_UPLOADED: Issue = {
  code: "UPLOAD_FAILED",
  message: "the content was not uploaded, and nobody said why",
};

/** Exactly one outcome for every item of the plan, in its order. */
export function packageOutcomes(
  plan: Plan,
  upload: UploadResult | undefined,
  verdict: Verdict,
  facts: PackageFacts,
): Outcome[] {
  const uploaded = new Map(upload?.files.map((file) => [file.index, file]));
  return plan.items.map((item, index): Outcome => {
    const { path, kind, size, modified, created, id, listItemId, intId, arrived } = item;
    const { destinationPath, adopted } = item;
    const base = {
      ...{ path, kind, size, modified, created, package: facts.segment },
      ...(destinationPath !== undefined && { destinationPath }),
      ...(adopted && { adopted }),
      ...(id && { id }),
      ...(listItemId && { listItemId }),
      ...(intId !== undefined && { intId }),
      ...(arrived && { arrived }),
    };
    if (item.action === "skip") return { ...base, result: "skipped", ...withIssue(item.issue) };
    if (item.action === "fail") return { ...base, result: "failed", ...withIssue(item.issue) };
    // It counts as arrived with all its versions only.
    if (item.action === "arrived")
      return {
        ...base,
        ...history(item.versions?.length, item.versionsLeftOut),
        result: "migrated",
      };

    const file = uploaded.get(index);
    const carried = {
      ...base,
      ...(facts.job && { job: facts.job }),
      ...(facts.agent && { agent: facts.agent }),
    };
    const issue =
      (file?.status === "failed" ? file.issue : undefined) ??
      verdict(item) ??
      (kind === "file" && !file ? NOT_UPLOADED : undefined);
    if (issue?.code === "CANCELLED") return { ...carried, result: "skipped", issue };
    if (issue) return { ...carried, result: "failed", issue };
    // The content that arrived is the content that was read, which may be newer than the scan.
    const content = file?.status === "uploaded" ? file : undefined;
    const now = content ?? { size, modified };
    const { versions, versionsLeftOut = [] } = content ?? {};
    return {
      ...carried,
      ...history(versions?.length, [...(item.versionsLeftOut ?? []), ...versionsLeftOut]),
      size: now.size,
      modified: now.modified,
      result: "migrated",
      arrived: { size: now.size, modified: now.modified, round: facts.round },
    };
  });
}

const history = (versions = 0, leftOut: readonly VersionLeftOut[] = []): Partial<Outcome> => ({
  ...(versions > 0 && { olderVersions: versions }),
  ...(leftOut.length > 0 && { issue: leftOutIssue(leftOut, versions) }),
});

const withIssue = (issue: Issue | undefined) => (issue ? { issue } : {});

type Totals = Pick<RoundRecord, "migrated" | "skipped" | "failed">;

export function totalsOf(outcomes: readonly Outcome[]): Totals {
  const totals: Totals = {
    migrated: { items: 0, bytes: 0 },
    skipped: { items: 0, bytes: 0 },
    failed: { items: 0, bytes: 0 },
  };
  for (const { result, size } of outcomes) {
    totals[result].items++;
    totals[result].bytes += size;
  }
  return totals;
}
