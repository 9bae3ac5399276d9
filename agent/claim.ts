import type { ClaimResponse, WorkMessage } from "../shared/contracts/work.ts";
import { backoffMs, pause, unlessAborted } from "./backoff.ts";
import { type ControlPlane, ControlPlaneError } from "./control-plane.ts";
import type { Standing } from "./standing.ts";
import type { Stop } from "./stop.ts";

/** A message that cannot be claimed is given back after this long, well within the queue's lock. */
const CLAIM_FOR_MS = 15_000;

export interface ClaimContext {
  api: ControlPlane;
  standing: Standing;
  stop: Stop;
  /** The agent is in another group by now: the message stays for the agents of this one. */
  onMoved(): void;
}

/** What the control plane says; `asked` is performance.now() when it was asked. */
export interface Claimed {
  answer: ClaimResponse;
  asked: number;
}

/** Asks for the lease of an item until there is an answer; undefined when the message has to be given back without one. */
export async function claim(
  { api, standing, stop, onMoved }: ClaimContext,
  { workItem, epoch }: WorkMessage,
): Promise<Claimed | undefined> {
  const until = performance.now() + CLAIM_FOR_MS;
  for (let attempt = 1; ; attempt++) {
    const asked = performance.now();
    try {
      const answer = await unlessAborted(api.claim(workItem, epoch), stop.tooLate);
      if (answer === undefined) return undefined;
      standing.answered();
      if (answer.status === "gone" && answer.moved) {
        onMoved();
        return undefined;
      }
      return { answer, asked };
    } catch (error) {
      const isGone = error instanceof ControlPlaneError && !error.retryable;
      if (isGone && !error.unauthorized && !error.suspended)
        return { answer: { status: "gone", reason: error.message }, asked };
      standing.failed(error);
      if (performance.now() > until || stop.signal.aborted || !standing.reachable) {
        standing.reachable = false;
        return undefined;
      }
      await pause(backoffMs(attempt), stop.signal);
    }
  }
}
