import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { CompleteRequest, WorkSpec } from "../../shared/contracts/work.ts";
import type { Progress } from "../lease.ts";
import { createLog, type Log } from "../log.ts";
import { openRoot } from "../source/root.ts";
import { openContainer, StorageError } from "./container.ts";
import { scan } from "./scan.ts";
import { upload } from "./upload.ts";

export type WorkResult = CompleteRequest["result"];

/**
 * Does one work item. Throws LongshoreError when no agent can do it, WorkInterrupted when another try may succeed, and the
 * signal's reason once that is aborted.
 */
export type PerformWork = (
  spec: WorkSpec,
  progress: Progress,
  signal: AbortSignal,
) => Promise<WorkResult>;

/** The work could not be finished for a passing reason: the item goes back to the queue. */
export class WorkInterrupted extends Error {
  override readonly name = "WorkInterrupted";
}

/** A clock that is a little behind storage's does not make a SAS that has ended an unknown one. */
const CLOCK_SKEW_MS = 10 * 60_000;

/** A walk may last longer than its SAS: whoever claims the item again gets a new one. */
const sasIsOver = (containerUrl: string): boolean =>
  Date.parse(new URL(containerUrl).searchParams.get("se") ?? "") < Date.now() + CLOCK_SKEW_MS;

/** Does work items on folders within `roots` (any folder when there are none). */
export function createPerformer(roots: readonly string[], log: Log = createLog()): PerformWork {
  return async (spec, progress, signal) => {
    const root = await openRoot(spec.source, roots);
    const container = openContainer(spec.containerUrl, { signal });
    const context = { root, roots, container, progress, log, signal };
    if (spec.kind === "upload") return upload(spec, context);
    try {
      return await scan(spec, context);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StorageError)) throw error;
      if (error.passing || (error.status === 403 && sasIsOver(spec.containerUrl)))
        throw new WorkInterrupted(error.message, { cause: error });
      throw new LongshoreError("UPLOAD_FAILED", error.message, { cause: error });
    }
  };
}
