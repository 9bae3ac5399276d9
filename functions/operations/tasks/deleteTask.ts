import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { isOpen } from "../../domain/tasks/taskStates.ts";
import type { Services } from "../../services.ts";
import { requireTask } from "../require.ts";
import { dropWakeUps } from "./planWakeUps.ts";

/**
 * Deletes a task with everything that is known of it, its reports included; what it has brought to the destination stays. The
 * tombstone comes first and says what is left to be removed; the task itself is gone when this returns. `check` may refuse.
 */
export async function deleteTask(
  { tasks, tombstones, wakeUps }: Services,
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
  await tasks.remove(taskId, mayGo);
  await dropWakeUps({ wakeUps }, task, [], Date.now());
}
