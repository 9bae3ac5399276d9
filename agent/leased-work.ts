import { LongshoreError } from "../shared/contracts/errors.ts";
import type { Issue } from "../shared/contracts/inventory.ts";
import type { WorkSpec } from "../shared/contracts/work.ts";
import { backoffMs, pause, unlessAborted } from "./backoff.ts";
import { type ControlPlane, ControlPlaneError } from "./control-plane.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { type Lease, WorkStopped } from "./lease.ts";
import { type Log, messageOf } from "./log.ts";
import type { Standing } from "./standing.ts";
import type { Stop } from "./stop.ts";
import { type PerformWork, WorkInterrupted, type WorkResult } from "./work/perform.ts";

export interface LeasedWorkContext {
  api: ControlPlane;
  perform: PerformWork;
  log: Log;
  standing: Standing;
  heartbeat: Heartbeat;
  stop: Stop;
}

/** Does the work and tells the control plane how it ended: complete, fail, release, or nothing when the lease was lost. */
export async function performUnderLease(
  context: LeasedWorkContext,
  lease: Lease,
  spec: WorkSpec,
): Promise<void> {
  const { workItem, epoch } = lease;
  const { api } = context;
  const log = context.log.child({ workItem, epoch, kind: spec.kind });
  const begun = performance.now();
  const figures = () => ({
    items: lease.items,
    bytes: lease.bytes,
    ms: Math.round(performance.now() - begun),
  });
  log.info({ source: spec.source }, "started");
  try {
    const result = await context.perform(spec, lease, lease.signal);
    await complete(context, lease, result);
    log.info(figures(), "completed");
  } catch (error) {
    lease.close();
    if (lease.held.aborted) {
      log.warn({ ...figures(), reason: messageOf(lease.held.reason) }, "dropped");
    } else if (error instanceof WorkStopped || error instanceof WorkInterrupted) {
      log.info({ ...figures(), reason: error.message }, "released");
      await tell(context, lease, () => api.release(workItem, epoch)).catch(logUntold(log));
    } else {
      const issue = issueOf(error);
      if (error instanceof LongshoreError) log.warn({ ...figures(), issue }, "failed");
      else log.error({ ...figures(), issue, stack: (error as Error).stack }, "failed");
      await tell(context, lease, () => api.fail(workItem, epoch, issue)).catch(logUntold(log));
    }
  }
}

async function complete(
  context: LeasedWorkContext,
  lease: Lease,
  result: WorkResult,
): Promise<void> {
  // A heartbeat that is on its way may be registering segments that would otherwise be reported twice.
  await context.heartbeat.idle();
  const segments = lease.close();
  const { workItem, epoch } = lease;
  const whole = result.kind === "scan" ? { ...result, segments } : result;
  await tell(context, lease, () => context.api.complete(workItem, { epoch, result: whole }));
}

/**
 * Sends the report until it is answered. Throws WorkStopped when the lease is over first, or the agent may wait no longer,
 * and ControlPlaneError when the report is refused.
 */
async function tell(
  { standing: { outage }, stop }: LeasedWorkContext,
  lease: Lease,
  send: () => Promise<void>,
): Promise<void> {
  const over = AbortSignal.any([lease.held, stop.tooLate]);
  for (let attempt = 1; ; attempt++) {
    try {
      await unlessAborted(send(), over);
      if (over.aborted) throw new WorkStopped("lost", "the report was not answered in time");
      outage.up();
      return;
    } catch (error) {
      if (!(error instanceof ControlPlaneError)) throw error;
      if (error.code === "STALE_LEASE") {
        lease.lose("the control plane has given the item to another lease");
        lease.held.throwIfAborted();
      }
      if (!error.retryable) throw error;
      outage.down(error);
      await pause(backoffMs(attempt, 250, 10_000), over);
    }
  }
}

/** Nothing is left to be done about it: the lease runs out and the item goes back to the queue. */
const logUntold = (log: Log) => (error: unknown) =>
  log.warn({ error: messageOf(error) }, "the end of the work could not be reported");

function issueOf(error: unknown): Issue {
  const code = error instanceof LongshoreError ? error.code : "INTERNAL";
  return { code, message: messageOf(error).slice(0, 2000) };
}
