import type { DurableClient } from "durable-functions";
import { errorDefinition, LongshoreError } from "../../../shared/contracts/errors.ts";
import type { ActionResult, TaskAction } from "../../../shared/contracts/taskActions.ts";
import type { TaskFilter } from "../../../shared/contracts/taskFilters.ts";
import type { TaskState } from "../../../shared/contracts/tasks.ts";
import { allows, isDone } from "../../domain/tasks/taskStates.ts";
import type { Caller } from "../../security/callers.ts";
import type { Services } from "../../services.ts";
import { inParallel } from "../inParallel.ts";
import { requireTask } from "../require.ts";
import { cancelTask } from "../rounds/cancelTask.ts";
import { pauseTask } from "../rounds/pauseTask.ts";
import { resumeRound, startRound } from "../rounds/startRound.ts";
import { deleteTask } from "./deleteTask.ts";

/** They wait for storage, mostly, and their changes are committed together. */
const AT_ONCE = 100;
/** Tasks of a filter that one request acts on: it has to be answered before a front end gives up. */
const PER_REQUEST = 500;

/** Each refuses what the state of the task does not allow, and says in which state the task is then, if it is. */
const ACTIONS: Record<
  TaskAction,
  (
    app: Services,
    client: DurableClient,
    id: string,
    by: { name: string },
  ) => Promise<TaskState | false | undefined>
> = {
  run: startRound,
  pause: (app, client, id, { name }) => pauseTask(app, client, id, "person", `paused by ${name}`),
  resume: resumeRound,
  cancel: cancelTask,
  delete: async (app, _client, id) => {
    await deleteTask(app, id);
    return undefined;
  },
};

/** What an action has come to: nothing was changed when somebody had done it already, be it at the same moment. */
interface Done {
  isChanged: boolean;
  /** None when the task is gone. */
  state?: TaskState | undefined;
}

/** How often an action is tried on a task that changes meanwhile, as one does that has just been paused. */
const ATTEMPTS = 4;

/** Does what a person asked for. */
export async function actOnTask(
  app: Services,
  client: DurableClient,
  action: TaskAction,
  taskId: string,
  caller: { name: string },
  attempt = 1,
): Promise<Done> {
  try {
    const state = await ACTIONS[action](app, client, taskId, caller);
    if (state !== false) return { isChanged: true, state };
  } catch (error) {
    const isRefused = error instanceof LongshoreError && error.code === "CONFLICT";
    if (!isRefused || action === "delete") throw error;
    const task = await requireTask(app, taskId);
    if (!isDone(task, action)) {
      if (attempt === ATTEMPTS || !allows(task.state, action)) throw error;
      // Refused for a state that is over by now.
      return actOnTask(app, client, action, taskId, caller, attempt + 1);
    }
  }
  return { isChanged: false, state: (await app.tasks.find(taskId))?.state };
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
): Promise<ActionResult> {
  const page = asked.tasks
    ? { ids: [...new Set(asked.tasks)] }
    : await fitting(app, sessionId, asked.filter ?? {}, asked.after);
  const results: ActionResult["results"] = new Array(page.ids.length);
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
      const done = await actOnTask(app, client, asked.action, id, caller);
      isChanged = done.isChanged;
      results[index] = { id, ok: true, ...(done.state && { state: done.state }) };
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
