import type { SessionFile, SessionImported } from "../../../shared/contracts/bulk.ts";
import type { SettingsLayer } from "../../../shared/contracts/settingLevels.ts";
import type { newId } from "../../domain/ids.ts";
import type { SessionRecord, TaskRecord } from "../../domain/records.ts";
import { nextRun } from "../../domain/tasks/schedules.ts";
import type { Services } from "../../services.ts";
import { listed, sortKey } from "../../stores/taskIndex/taskLists.ts";
import { newTask } from "../tasks/createTask.ts";
import { storeTasks } from "../tasks/storeTasks.ts";

/**
 * A session with all its tasks, in the order of their creation, as one JSON text, in pieces: it may have tens of megabytes.
 * The texts of the tasks are held to be sorted; a row for each would be a request for each.
 */
export async function* exportSession(
  { tasks }: Pick<Services, "tasks">,
  session: SessionRecord,
): AsyncGenerator<string> {
  const { name, settings } = session;
  const head: Omit<SessionFile, "tasks"> = {
    ...{ kind: "longshore-session", version: 1, exportedAt: new Date().toISOString() },
    session: { name, ...(settings && { settings }) },
  };
  const texts: [key: string, text: string][] = [];
  for await (const task of tasks.list(session.id))
    texts.push([sortKey("created", listed(task)), JSON.stringify(exported(task))]);
  yield `${JSON.stringify(head).slice(0, -1)},"tasks":[`;
  let separator = "\n";
  for (const [, text] of texts.sort(([one], [other]) => (one < other ? -1 : 1))) {
    yield `${separator}${text}`;
    separator = ",\n";
  }
  yield "\n]}\n";
}

function exported(task: TaskRecord): SessionFile["tasks"][number] {
  const { name, source, destination, agentGroup, tags, settings, schedule, windows } = task;
  const { state, createdAt, lastRound } = task;
  return {
    ...{ name, source, destination, agentGroup, tags },
    ...(Object.keys(settings).length > 0 && { settings: settings as SettingsLayer }),
    ...(schedule && { schedule }),
    ...(windows && { windows }),
    ...{ state, createdAt },
    ...(lastRound && { lastRound }),
  };
}

/** Makes a new session of an exported one. Its tasks wait to be run, or for what of their schedules is still to come. */
export async function importSession(
  app: Pick<Services, "tasks" | "wakeUps">,
  file: SessionFile,
  ids: typeof newId,
): Promise<SessionImported> {
  const { name, settings } = file.session;
  const session: SessionRecord = {
    id: ids(8),
    name,
    ...(settings && { settings }),
    createdAt: new Date().toISOString(),
  };
  const tasks = file.tasks.map(
    ({ state: _state, createdAt: _created, lastRound: _last, ...task }, order): TaskRecord => {
      const { schedule, ...rest } = newTask(session.id, ids(8), task);
      // A run that was due before is over, or was left out; that its task is brought here is no reason to run it.
      const isToCome = nextRun(schedule, Date.now()) !== undefined;
      return { ...rest, ...(schedule && isToCome && { schedule }), order };
    },
  );
  const taken = await storeTasks(app, session.id, tasks);
  // Last, so that nobody sees half a session.
  await app.tasks.insertSession(session);
  return {
    session,
    tasks: tasks.length - taken.size,
    duplicates: tasks.flatMap(({ id }, index) => (taken.has(id) ? [index + 1] : [])),
  };
}
