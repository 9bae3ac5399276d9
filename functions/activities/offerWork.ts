import type { WorkRecord } from "../domain/records.ts";
import { announceWork } from "../operations/agents/announceWork.ts";
import { type RunRef, workId } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

export type WorkOffer = RunRef &
  ({ kind: "scan" } | { kind: "upload"; segment: number; attempt: number });

/**
 * Writes the work item's row and tells the queue of the task's agent group. The row comes first: it is the truth. A
 * round that pauses or is cancelled offers nothing any more.
 */
export const offerWork = defineActivity(
  "offerWork",
  async (
    offer: WorkOffer & { instance: string },
    app,
  ): Promise<{ workItem: string; interrupted?: true }> => {
    const { rounds } = app;
    const id = workId(offer, offer);
    const { agentGroup, wish } = await rounds.current(offer);
    if (wish) return { workItem: id.text, interrupted: true };
    const fresh: WorkRecord = {
      id: id.text,
      kind: offer.kind,
      taskId: offer.taskId,
      round: offer.round,
      run: offer.run,
      ...(offer.kind === "upload" && { segment: offer.segment }),
      group: agentGroup,
      instance: offer.instance,
      state: "queued",
      epoch: 1,
      lost: 0,
      offeredAt: new Date().toISOString(),
      progress: { items: 0, bytes: 0 },
    };
    const inserted = await rounds.insertWork(fresh);
    const work = inserted ? fresh : await rounds.findWork(id);
    if (work?.state === "queued") await announceWork(app, work);
    return { workItem: id.text };
  },
);
