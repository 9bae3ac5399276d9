import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { Issue } from "../../../shared/contracts/inventory.ts";
import type { WorkRecord } from "../records.ts";

/**
 * The claim protocol as pure rules on the work item's row. The epoch grows whenever the item goes back to the queue, so an
 * agent whose lease has ended can change nothing any more.
 */

/** An item goes back to the queue this often before it fails for good. */
export const MAX_LOST_LEASES = 5;

/** How a step of a package or a scan ended: well, with an issue, or because its round pauses or is cancelled. */
export interface WorkEnd {
  issue?: Issue;
  interrupted?: true;
}

type Now = { now: number };

export const isOver = (work: WorkRecord): boolean =>
  work.state === "done" || work.state === "failed" || work.state === "cancelled";

/** Whether the lease of an item ran out without a word from its agent. */
export const leaseExpired = (work: WorkRecord, { now }: Now): boolean =>
  work.state === "leased" && Date.parse(work.leaseUntil ?? "") <= now;

/** Grants the item to an agent, or undefined when there is nothing to grant (any more) under this epoch. */
export function claimed(
  work: WorkRecord,
  by: { agentId: string; epoch: number; leaseSeconds: number } & Now,
): WorkRecord | undefined {
  const sameAgentAgain = work.state === "leased" && work.agentId === by.agentId;
  if (work.epoch !== by.epoch || (work.state !== "queued" && !sameAgentAgain)) return undefined;
  return {
    ...work,
    state: "leased",
    agentId: by.agentId,
    leaseUntil: inSeconds(by.leaseSeconds, by),
  };
}

/** A sign of life from the lease holder; undefined when it holds nothing under this epoch. */
export function renewed(
  work: WorkRecord,
  by: {
    agentId: string;
    epoch: number;
    leaseSeconds: number;
    progress: WorkRecord["progress"];
  } & Now,
): WorkRecord | undefined {
  if (!holdsLease(work, by)) return undefined;
  return { ...work, leaseUntil: inSeconds(by.leaseSeconds, by), progress: by.progress };
}

/** The item ended with a result. Saying so twice is fine: answers get lost. */
export function completed(work: WorkRecord, by: { agentId: string; epoch: number }): WorkRecord {
  if (work.state === "done" && work.agentId === by.agentId && work.epoch === by.epoch) return work;
  requireLease(work, by);
  return { ...work, state: "done" };
}

export function failed(
  work: WorkRecord,
  by: { agentId: string; epoch: number; issue: Issue },
): WorkRecord {
  if (work.state === "failed" && work.agentId === by.agentId && work.epoch === by.epoch)
    return work;
  requireLease(work, by);
  return { ...work, state: "failed", issue: by.issue };
}

/** The agent gives the item back because it stops; that counts as no failure. */
export function released(work: WorkRecord, by: { agentId: string; epoch: number }): WorkRecord {
  requireLease(work, by);
  return requeued(work);
}

/** The item that waits goes to other agents of its group than the one that was told of it under this epoch. */
export const passedOn = (
  work: WorkRecord,
  told: { group: string; epoch: number },
): WorkRecord | undefined =>
  work.state === "queued" && work.group === told.group && work.epoch === told.epoch
    ? requeued(work)
    : undefined;

/** Nobody is to do the item any more: its round pauses or is cancelled. Whoever still holds it holds nothing. */
export const withdrawn = (work: WorkRecord): WorkRecord =>
  isOver(work) ? work : { ...work, state: "cancelled" };

/** Another group of agents is to do the item that waits: whoever was told of it in the old one comes too late. */
export const regrouped = (work: WorkRecord, group: string): WorkRecord => {
  const { unannounced: _, ...rest } = requeued(work);
  return { ...rest, group };
};

/** The item of an agent that is disabled, removed or begun anew goes to others; undefined when the agent does not hold it. */
export function takenBack(work: WorkRecord, agentId: string): WorkRecord | undefined {
  return work.state === "leased" && work.agentId === agentId ? requeued(work) : undefined;
}

/** What becomes of an item whose lease ran out. */
export function expired(work: WorkRecord): WorkRecord {
  const lost = work.lost + 1;
  if (lost < MAX_LOST_LEASES) return { ...requeued(work), lost };
  return {
    ...work,
    lost,
    state: "failed",
    issue: { code: "AGENT_LOST", message: `${lost} leases ended without a result` },
  };
}

function requeued(work: WorkRecord): WorkRecord {
  const { agentId: _agent, leaseUntil: _lease, ...rest } = work;
  return { ...rest, state: "queued", epoch: work.epoch + 1, progress: { items: 0, bytes: 0 } };
}

const holdsLease = (work: WorkRecord, by: { agentId: string; epoch: number }) =>
  work.state === "leased" && work.agentId === by.agentId && work.epoch === by.epoch;

function requireLease(work: WorkRecord, by: { agentId: string; epoch: number }): void {
  if (!holdsLease(work, by))
    throw new LongshoreError(
      "STALE_LEASE",
      `work item ${work.id} is ${work.state} under epoch ${work.epoch}; epoch ${by.epoch} of agent ${by.agentId} is over`,
    );
}

const inSeconds = (seconds: number, { now }: Now) => new Date(now + seconds * 1000).toISOString();
