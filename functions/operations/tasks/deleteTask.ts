import type { RestError } from "@azure/storage-blob";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { isOpen } from "../../domain/taskStates.ts";
import type { Services } from "../../services.ts";
import type { Tombstone } from "../../stores/tombstones.ts";
import { inParallel } from "../inParallel.ts";
import { requireTask } from "../require.ts";

/**
 * Deletes a task with everything that is known of it, its reports included; what it has brought to the destination stays. The
 * tombstone comes first and says what is left to be removed; the task itself is gone when this returns. `check` may refuse.
 */
export async function deleteTask(
  { tasks, tombstones }: Services,
  taskId: string,
  check: (task: TaskRecord) => void = () => {},
): Promise<void> {
  const task = await requireTask({ tasks }, taskId);
  const mayGo = (value: TaskRecord) => {
    if (isOpen(value.state))
      throw new LongshoreError(
        "CONFLICT",
        `task ${taskId} is ${value.state}: cancel it first, and delete it when it is Cancelled`,
      );
    check(value);
  };
  mayGo(task);
  const deletedAt = new Date().toISOString();
  await tombstones.put({ id: taskId, rounds: (task.round ?? -1) + 1, deletedAt });
  await tasks.remove(task, mayGo);
}

/**
 * Removes what a deleted task has left, until the time is over. Any part of it may be done already: whoever was cut off begins
 * again. The tombstone goes last. False when something is left.
 */
export async function eraseTask(
  app: Services,
  { id, rounds }: Tombstone,
  until: number,
): Promise<boolean> {
  const { tasks, tombstones, state, stateBlobs, packageBlobs, regionalBlobs } = app;
  const task = await tasks.find(id);
  // The deletion did not come to its end and the task runs again: then it was not deleted.
  if (task && isOpen(task.state)) {
    await tombstones.remove(id);
    return true;
  }
  if (task) await tasks.remove(id);
  const isLate = () => Date.now() > until;

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
  await tombstones.remove(id);
  return true;
}

const unlessGone = (error: RestError) => {
  // A container that is being deleted answers 409 until it is gone.
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
};
