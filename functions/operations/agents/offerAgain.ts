import type { WorkRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import type { WorkId } from "../../stores/rounds/refs.ts";
import { announceWork } from "./announceWork.ts";

/** Puts an item back into the queue, if `requeue` finds that it is to go there, and tells the agents. False when it is not. */
export async function offerAgain(
  app: Pick<Services, "rounds" | "queues">,
  id: WorkId,
  requeue: (work: WorkRecord) => WorkRecord | undefined,
  laterMs?: number,
): Promise<boolean> {
  let isRequeued = false;
  const row = await app.rounds.changeWork(id, (work) => {
    const next = requeue(work);
    isRequeued = next !== undefined;
    return next;
  });
  if (row && isRequeued) await announceWork(app, row, laterMs);
  return isRequeued;
}
