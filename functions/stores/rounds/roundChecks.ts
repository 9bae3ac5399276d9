import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { PackageRecord, RoundRecord, WorkRecord } from "../../domain/records.ts";
import type { Document } from "../storage/documents.ts";
import type { RunRef, UploadId, WorkId } from "./refs.ts";

/** What has to hold before a row of a round changes. Whoever is late is refused here. */

export const isRunOf = (round: RoundRecord, ref: RunRef) =>
  round.run === ref.run && round.state === "InProgress";

export function requireRun(
  round: RoundRecord | undefined,
  ref: RunRef,
): asserts round is RoundRecord {
  if (!round)
    throw new LongshoreError("NOT_FOUND", `task ${ref.taskId} has no round R${ref.round}`);
  if (!isRunOf(round, ref))
    throw new LongshoreError(
      "CONFLICT",
      `round R${ref.round} of task ${ref.taskId} is ${round.state} under run ${round.run}; run ${ref.run} is over`,
    );
}

/** A round has its target from the moment it is open. */
export function requireUnopened({ taskId, number, target }: RoundRecord): void {
  if (target)
    throw new LongshoreError("CONFLICT", `round R${number} of task ${taskId} is open already`);
}

export function requireWork(
  found: Document<WorkRecord> | undefined,
  id: WorkId,
): Document<WorkRecord> {
  if (!found) throw new LongshoreError("NOT_FOUND", `there is no work item ${id.text}`);
  return found;
}

export function requirePlanned(pkg: PackageRecord | undefined, id: UploadId): PackageRecord {
  if (pkg?.state === "planned" && pkg.attempt === id.attempt) return pkg;
  throw new LongshoreError(
    "CONFLICT",
    `package ${id.segment} does not wait for the upload of attempt ${id.attempt} any more`,
  );
}
