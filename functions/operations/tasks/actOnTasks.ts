import type { DurableClient } from "durable-functions";
import { errorDefinition, LongshoreError } from "../../../shared/contracts/errors.ts";
import type { BulkResult, TaskAction } from "../../../shared/contracts/taskActions.ts";
import type { TaskFilter } from "../../../shared/contracts/tasks.ts";
import { isDone } from "../../domain/taskStates.ts";
import type { Caller } from "../../security/callers.ts";
import type { Services } from "../../services.ts";
import { inParallel } from "../inParallel.ts";
import { requireTask } from "../require.ts";
import { cancelTask } from "../rounds/cancelTask.ts";
import { pauseTask } from "../rounds/pauseTask.ts";
import { resumeRound, startRound } from "../rounds/startRound.ts";
import { deleteTask } from "./deleteTask.ts";

const AT_ONCE = 100;
/** Tasks of a filter that one request acts on: it has to be answered before a front end gives up. */
const PER_REQUEST = 200;

/** Each refuses what the state of the task does not allow. */
const ACTIONS: Record<
  TaskAction,
  (app: Services, client: DurableClient, id: string, by: { name: string }) => Promise<unknown>
> = {
  run: startRound,
  pause: (app, client, id, { name }) => pauseTask(app, client, id, "person", `paused by ${name}`),
  resume: resumeRound,
  cancel: cancelTask,
  delete: (app, _client, id) => deleteTask(app, id),
};

/** Does what a person asked for. False when that had been done already, be it by somebody who asked at the same moment. */
export async function actOnTask(
  app: Services,
  client: DurableClient,
  action: TaskAction,
  taskId: string,
  caller: { name: string },
): Promise<boolean> {
  try {
    return (await ACTIONS[action](app, client, taskId, caller)) !== false;
  } catch (error) {
    const isRefused = error instanceof LongshoreError && error.code === "CONFLICT";
    if (!isRefused || action === "delete") throw error;
    if (!isDone(await requireTask(app, taskId), action)) throw error;
    return false;
  }
}

/** The same for many tasks of a session, each with its own result. Defects are thrown. */
export async function actOnTasks(
  app: Services,
  client: DurableClient,
  sessionId: string,
  asked: {
    action: TaskAction;
    tasks?: readonly string[] | undefined;
    filter?: TaskFilter | undefined;
    after?: string | undefined;
  },
  caller: Caller,
): Promise<BulkResult> {
  const page = asked.tasks
    ? { ids: [...new Set(asked.tasks)] }
    : await fitting(app, sessionId, asked.filter ?? {}, asked.after);
  const results: BulkResult["results"] = new Array(page.ids.length);
  // As if each task had been acted on alone: whoever asks the audit trail about a task finds this, too.
  const intend = (task: string) =>
    app.audit.intend({
      ...{ actor: caller.name, actorId: caller.id, role: caller.role },
      ...{ action: `${asked.action}Task`, ids: { session: sessionId, task } },
    });
  await inParallel(AT_ONCE, page.ids, async (id, index) => {
    const intent = await intend(id);
    let isChanged = false;
    try {
      if (!id.startsWith(`${sessionId}-`))
        throw new LongshoreError("NOT_FOUND", `session ${sessionId} has no task ${id}`);
      isChanged = await actOnTask(app, client, asked.action, id, caller);
      const task = await app.tasks.find(id);
      results[index] = { id, ok: true, ...(task && { state: task.state }) };
    } catch (error) {
      if (!(error instanceof LongshoreError)) throw error;
      const { code, message } = error;
      const { remedy } = errorDefinition(code);
      results[index] = { id, ok: false, problem: { code, detail: message, remedy } };
    }
    await (isChanged ? intent.done(200) : intent.refused());
  });
  return { results, ...(page.next !== undefined && { next: page.next }) };
}

async function fitting(
  { tasks }: Services,
  sessionId: string,
  filter: TaskFilter,
  after: string | undefined,
): Promise<{ ids: string[]; next?: string | undefined }> {
  // In order of creation a page neither repeats nor skips, whatever becomes of the tasks before it.
  const query = { ...filter, sort: "created" as const, limit: PER_REQUEST, after };
  const found = await tasks.page(sessionId, query);
  // Neighbours by name are changed together: the list by name is the one that a page of other neighbours is all over.
  const byName = found.tasks.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return { ids: byName.map(({ id }) => id), next: found.next };
}
