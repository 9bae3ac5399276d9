import type { SessionSummary } from "../../../shared/contracts/sessions.ts";
import { TASK_STATES, type TaskState } from "../../../shared/contracts/tasks.ts";
import type { Services } from "../../services.ts";
import { countsOf } from "../../stores/taskIndex/taskCounts.ts";
import { listName } from "../../stores/taskIndex/taskLists.ts";

/** How a session's tasks stand, from its counters alone. */
export async function summarise(
  { tasks }: Pick<Services, "tasks">,
  sessionId: string,
): Promise<SessionSummary> {
  const counts = await tasks.counts(sessionId);
  const inState = new Map(countsOf(counts, "state"));
  const states = Object.fromEntries(
    TASK_STATES.map((state) => [state, inState.get(state) ?? 0]),
  ) as Record<TaskState, number>;
  const { migrated, skipped, failed } = counts;
  return {
    tasks: counts.lists[listName.all] ?? 0,
    states,
    groups: Object.fromEntries(countsOf(counts, "group")),
    ...{ migrated, skipped, failed },
  };
}
