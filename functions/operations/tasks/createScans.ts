import { MAX_BULK_TASKS } from "../../../shared/contracts/bulk.ts";
import type { ScanBulkResult } from "../../../shared/contracts/scans.ts";
import { readSourceList } from "../../domain/bulk/sourceList.ts";
import type { newId } from "../../domain/ids.ts";
import { NO_DESTINATION } from "../../domain/rounds/nominalTarget.ts";
import { SCANS } from "../../domain/settings.ts";
import { placeOf } from "../../domain/tasks/taskPlace.ts";
import type { Services } from "../../services.ts";
import { newTask } from "./createTask.ts";
import { storeTasks } from "./storeTasks.ts";

/**
 * Scans every source of a file with one column. However many there are, they begin within a minute, as the agents have room:
 * each is due at once. A source that has a scan already keeps that one.
 */
export async function createScans(
  app: Pick<Services, "tasks" | "wakeUps">,
  text: string,
  { agentGroup, dryRun }: { agentGroup: string; dryRun: boolean },
  ids: typeof newId,
): Promise<ScanBulkResult> {
  const { sources, problems } = readSourceList(text);
  const rows = sources.length;
  if (rows > MAX_BULK_TASKS)
    problems.push({
      ...{ row: 0, column: "", value: `${rows}`, message: "are too many sources for one file" },
      fix: `Send at most ${MAX_BULK_TASKS} at a time.`,
    });
  const schedule = { at: new Date().toISOString() };
  // Ids are drawn for every row, so that a repeated request gives every scan the id it had.
  const wanted = sources.map(({ row, source }) => ({
    row,
    task: newTask(SCANS, ids(8), {
      ...{ name: source.slice(-255), source, destination: NO_DESTINATION, agentGroup },
      ...{ tags: [], schedule },
    }),
  }));
  const unique = new Map<string, (typeof wanted)[number]["task"]>();
  for (const { task } of wanted) if (!unique.has(placeOf(task))) unique.set(placeOf(task), task);
  if (dryRun || problems.length > 0) return { rows, problems, scans: [] };
  const twins = await storeTasks(app, SCANS, [...unique.values()]);
  const scans = wanted.map(({ row, task }) => {
    const first = unique.get(placeOf(task)) ?? task;
    const twin = twins.get(first.id);
    return { row, source: task.source, scan: twin ?? first.id, isNew: !twin && first === task };
  });
  return { rows, problems, scans };
}
