import type { RestError } from "@azure/storage-blob";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { isOpen } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import type { Tombstone } from "../../stores/tombstones.ts";
import { inParallel } from "../inParallel.ts";

/**
 * Removes what a deleted task has left, until the time is over. Any part of it may be done already: whoever was cut off begins
 * again. Jobs that are still at SharePoint are taken back first, because what they read is removed; the tombstone goes last. False
 * when something is left.
 */
export async function eraseTask(
  app: Services,
  tombstone: Tombstone,
  until: number,
): Promise<boolean> {
  const { tasks, tombstones, state, stateBlobs, packageBlobs, regionalBlobs, webhooks } = app;
  const { id, rounds } = tombstone;
  const task = await tasks.find(id);
  // The deletion did not come to its end and the task runs again: then it was not deleted.
  if (task && isOpen(task.state)) {
    await tombstones.remove(id);
    return true;
  }
  if (task) await tasks.remove(id);
  const isLate = () => Date.now() > until;
  for (let round = 0; round < rounds; round++) {
    if (isLate()) return false;
    await takeBackJobs(app, tombstone, round);
  }

  for (const account of [packageBlobs, ...regionalBlobs.values()])
    for await (const { name } of account.listContainers({ prefix: `${id}-` })) {
      if (isLate()) return false;
      await account.deleteContainer(name).catch(unlessGone);
    }
  for (const container of [state.plans, state.outcomes, state.reports])
    for await (const page of container
      .listBlobsFlat({ prefix: `${id}/` })
      .byPage({ maxPageSize: 500 })) {
      if (isLate()) return false;
      await inParallel(16, page.segment.blobItems, async ({ name }) => {
        await container.getBlobClient(name).deleteIfExists();
      });
    }
  for (let round = 0; round < rounds; round++) {
    if (isLate()) return false;
    await stateBlobs.getContainerClient(`inventory-${id}-r${round}`).deleteIfExists();
    await app.rounds.erase(id, round);
  }
  await webhooks.forget(id);
  await tombstones.remove(id);
  return true;
}

/** SharePoint is asked every minute for so long; then its jobs are left to find nothing. */
const PATIENCE_MS = 24 * 3_600_000;

/** Takes back what a paused round has left at SharePoint. What is not known there any more needs nothing. */
async function takeBackJobs(
  { rounds, destination, slots }: Services,
  { id, deletedAt }: Tombstone,
  number: number,
): Promise<void> {
  const round = await rounds.find(id, number);
  if (!round?.target) return;
  const { target, run } = round;
  for await (const { segment, value } of rounds.listPackages(id, number)) {
    const { state, job } = value;
    if (state !== "importing" || job === undefined) continue;
    await destination.cancelJob(target, job).catch((error: unknown) => {
      const isPatient = Date.now() - Date.parse(deletedAt) < PATIENCE_MS;
      if (!(error instanceof LongshoreError) || isPatient) throw error;
      const { code, message } = error;
      console.warn(JSON.stringify({ event: "job-not-taken-back", job, code, message }));
    });
    await slots.release(target.siteId, { taskId: id, round: number, run, segment });
  }
}

const unlessGone = (error: RestError) => {
  // A container that is being deleted answers 409 until it is gone.
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
};
