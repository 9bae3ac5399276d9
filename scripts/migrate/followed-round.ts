import type { RoundView } from "../../shared/contracts/rounds.ts";
import type { TaskView } from "../../shared/contracts/tasks.ts";
import { type Api, ApiProblem } from "./api.ts";

export interface TaskRound {
  task: TaskView;
  round: RoundView;
}

/**
 * The round that a command brings to its end. Storage that was killed forgets its last seconds, perhaps with the round or even
 * the task: what an earlier round says is never taken for it, and `resume` begins it anew.
 */
export interface FollowedRound {
  /** As it was when it was begun. */
  readonly begun: TaskView;
  /** As it is now; undefined while storage does not know it. */
  look(): Promise<TaskRound | undefined>;
  resume(): void;
}

/** Begins the round with `begin`, which has to find or make the task and have it run. */
export async function followRound(
  api: Pick<Api, "getTask">,
  begin: () => Promise<TaskView>,
): Promise<FollowedRound> {
  const begun = await begin();
  let current = Promise.resolve(begun);

  async function find({ id, round: wanted }: TaskView): Promise<TaskRound | undefined> {
    try {
      const task = await api.getTask(id);
      const { round } = task;
      return round && round.number >= (wanted?.number ?? 0) ? { task, round } : undefined;
    } catch (error) {
      if (isProblem(error, 404)) return undefined;
      throw error;
    }
  }

  async function again(before: TaskView): Promise<TaskView> {
    const found = await find(before);
    // A round that has ended is not begun a second time.
    if (found && found.round.state !== "InProgress") return found.task;
    return begin().catch((error: unknown) => {
      // The control plane was just about to do the same.
      if (isProblem(error, 409)) return before;
      throw error;
    });
  }

  return {
    begun,
    look: async () => find(await current),
    resume() {
      current = current.then(again);
      current.catch(() => undefined); // The next look throws it.
    },
  };
}

const isProblem = (error: unknown, status: number) =>
  error instanceof ApiProblem && error.problem.status === status;
