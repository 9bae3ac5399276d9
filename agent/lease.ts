import type { SegmentSummary } from "../shared/contracts/inventory.ts";
import type { WorkProgress } from "../shared/contracts/work.ts";

/**
 * Why work stopped before its end. `lost`: somebody else has the item, or will soon; there is nobody to report to. `yielded`: the
 * control plane wants the item back, whose task pauses.
 */
export type StopReason = "lost" | "shutdown" | "yielded";

export class WorkStopped extends Error {
  override readonly name = "WorkStopped";
  readonly reason: StopReason;

  constructor(reason: StopReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What running work tells of itself between two heartbeats. */
export interface Progress {
  items: number;
  bytes: number;
  /** No further file or segment is to be begun: what is in hand is finished, and the item given back. */
  readonly yielding: boolean;
  /** A segment's blob is written; the next heartbeat registers it. Call in the order of their numbers. */
  segmentWritten(summary: SegmentSummary): void;
}

/**
 * The right to do one work item, for as long as it is renewed. It ends by itself: an agent that is cut off stops before the
 * control plane gives the item to another one.
 */
export class Lease implements Progress {
  readonly workItem: string;
  readonly epoch: number;
  items = 0;
  bytes = 0;
  yielding = false;
  readonly #leaseMs: number;
  readonly #work = new AbortController();
  readonly #held = new AbortController();
  readonly #registerSoon: () => void;
  #segments: SegmentSummary[] = [];
  #closing = false;
  #expiry: NodeJS.Timeout | undefined;

  /** `asked`: performance.now() when the claim was sent, which is before the control plane began to count. */
  constructor(
    claim: { workItem: string; epoch: number; leaseSeconds: number; asked: number },
    registerSoon: () => void,
  ) {
    this.workItem = claim.workItem;
    this.epoch = claim.epoch;
    this.#leaseMs = claim.leaseSeconds * 1000;
    this.#registerSoon = registerSoon;
    this.renew(claim.asked);
  }

  /** Aborted (with a WorkStopped) when the work has to stop, for whatever reason. */
  get signal(): AbortSignal {
    return this.#work.signal;
  }

  /** Aborted when the lease is lost: from then on there is nothing to report any more. */
  get held(): AbortSignal {
    return this.#held.signal;
  }

  /** The control plane renewed the lease in answer to what was sent at `asked` (performance.now()). */
  renew(asked: number): void {
    if (this.#held.signal.aborted) return;
    clearTimeout(this.#expiry);
    const left = asked + this.#leaseMs - performance.now();
    this.#expiry = setTimeout(
      () => this.lose("the lease ended before it could be renewed"),
      Math.max(0, left),
    );
  }

  /**
   * The control plane said that the work is to stop. While the end of the work is being reported that may only mean that the
   * report got there before the heartbeat: the report's own answer tells.
   */
  refuse(): void {
    if (!this.#closing) this.lose("the control plane said stop");
  }

  /** The control plane wants the item back as soon as the file or segment in hand is finished. */
  yield(): void {
    this.yielding = true;
  }

  lose(message: string): void {
    const reason = new WorkStopped("lost", message);
    this.#held.abort(reason);
    this.#work.abort(reason);
  }

  /** Stops the work but keeps the lease, so that it can be given back. */
  stop(): void {
    this.#work.abort(new WorkStopped("shutdown", "the agent stops"));
  }

  segmentWritten(summary: SegmentSummary): void {
    this.#segments.push(summary);
    this.#registerSoon();
  }

  get hasSegments(): boolean {
    return !this.#closing && this.#segments.length > 0;
  }

  report(): WorkProgress {
    const { workItem, epoch, items, bytes } = this;
    return this.hasSegments
      ? { workItem, epoch, items, bytes, segments: [...this.#segments] }
      : { workItem, epoch, items, bytes };
  }

  /** The control plane has answered a report with these segments. */
  registered(segments: readonly SegmentSummary[]): void {
    this.#segments = this.#segments.filter((segment) => !segments.includes(segment));
  }

  /** The work has ended. The segments that are left for the final report; heartbeats carry none from now on. */
  close(): SegmentSummary[] {
    this.#closing = true;
    return this.#segments;
  }

  dispose(): void {
    clearTimeout(this.#expiry);
  }
}
