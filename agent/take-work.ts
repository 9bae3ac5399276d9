import { type ClaimContext, type Claimed, claim } from "./claim.ts";
import { Lease } from "./lease.ts";
import { type LeasedWorkContext, performUnderLease } from "./leased-work.ts";
import { type Log, messageOf } from "./log.ts";
import type { QueuedWork } from "./work-queue.ts";

export interface TakeWorkContext extends ClaimContext, LeasedWorkContext {
  /** What the agent holds: heartbeats renew it, and who has to takes it away. */
  leases: Set<Lease>;
}

/** Nobody has to be asked about it. */
const RUNNING: Claimed = { answer: { status: "gone", reason: "already running" }, asked: 0 };

/** Claims what a message is about, settles the message, and does the work under the lease. */
export async function takeWork(context: TakeWorkContext, message: QueuedWork): Promise<void> {
  const { leases, heartbeat, stop, log } = context;
  const { workItem, epoch } = message.work;
  const isRunning = [...leases].some((l) => l.workItem === workItem && l.epoch >= epoch);
  const claimed = isRunning ? RUNNING : await claim(context, message.work);
  if (claimed === undefined) {
    await settle(message, "abandon", log);
    return;
  }
  // The lease covers the work from here on. If settling fails the message comes again and its claim says "gone".
  const settled = settle(message, "complete", log);
  const { answer, asked } = claimed;
  if (answer.status === "gone") {
    log.info({ workItem, epoch, reason: answer.reason }, "dropped a message");
    await settled;
    return;
  }
  const { leaseSeconds, spec, epoch: granted } = answer;
  const lease = new Lease({ workItem, epoch: granted, leaseSeconds, asked }, () =>
    heartbeat.soon(),
  );
  leases.add(lease);
  if (stop.signal.aborted) lease.stop();
  try {
    await Promise.all([settled, performUnderLease(context, lease, spec)]);
  } finally {
    leases.delete(lease);
    lease.dispose();
  }
}

async function settle(message: QueuedWork, how: "complete" | "abandon", log: Log): Promise<void> {
  await message[how]().catch((error: unknown) => {
    log.warn({ ...message.work, how, error: messageOf(error) }, "settling a message failed");
  });
}
