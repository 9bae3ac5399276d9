import type { ReportSelection } from "../../../shared/contracts/reports.ts";
import type { TaskListItem } from "../../../shared/contracts/tasks.ts";
import type { Services } from "../../services.ts";

/** Every task of a session that passes the selection, oldest first. */
export async function* selectTasks(
  { tasks, rounds }: Services,
  sessionId: string,
  { agent, ...filter }: ReportSelection,
): AsyncGenerator<TaskListItem> {
  const wanted = agent?.toLowerCase();
  let after: string | undefined;
  do {
    const page = await tasks.page(sessionId, { ...filter, sort: "created", limit: 1_000, after });
    for (const task of page.tasks) {
      if (wanted !== undefined) {
        const number = task.lastRound?.number;
        const round = number === undefined ? undefined : await rounds.find(task.id, number);
        if (!round?.agents.some((name) => name.toLowerCase().includes(wanted))) continue;
      }
      yield task;
    }
    after = page.next;
  } while (after !== undefined);
}
