import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { WorkRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { parseWorkId } from "../../stores/rounds/refs.ts";

/**
 * Tells the agents of its group that a work item waits. The row is the truth: where there is no queue to say it in, the row notes
 * that, the task shows it (whyWaiting.ts), and its orchestration says it again with its next look (checkWork.ts).
 */
export async function announceWork(
  { rounds, queues }: Pick<Services, "rounds" | "queues">,
  { id: workItem, epoch, group, unannounced }: WorkRecord,
  laterMs = 0,
): Promise<void> {
  let problem: string | undefined;
  try {
    await queues.send(group, { version: 1, workItem, epoch }, laterMs);
  } catch (error) {
    if (!(error instanceof LongshoreError) || error.code !== "QUEUE_MISSING") throw error;
    problem = error.message;
  }
  const id = parseWorkId(workItem);
  if (!id || problem === unannounced) return;
  await rounds.changeWork(id, ({ unannounced: _, ...row }) =>
    row.epoch === epoch
      ? { ...row, ...(problem !== undefined && { unannounced: problem }) }
      : undefined,
  );
}
