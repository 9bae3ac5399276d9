import type { DurableClient } from "durable-functions";
import { errorDefinition, LongshoreError } from "../../../shared/contracts/errors.ts";
import type { BulkResult, TaskAction } from "../../../shared/contracts/taskActions.ts";
import type { TaskFilter } from "../../../shared/contracts/tasks.ts";
import type { Caller } from "../../security/callers.ts";
import type { Services } from "../../services.ts";
import { inParallel } from "../inParallel.ts";
import { cancelTask } from "../rounds/cancelTask.ts";
import { pauseTask } from "../rounds/pauseTask.ts";
import { resumeRound, startRound } from "../rounds/startRound.ts";
import { deleteTask } from "./deleteTask.ts";

const AT_ONCE = 8;
/** Tasks of a filter that one request acts on: it has to be answered before a front end gives up. */
const PER_REQUEST = 200;

/** Does what a person asked for; refuses what the state of the task does not allow. */
export async function actOnTask(
  app: Services,
  client: DurableClient,
  action: TaskAction,
  taskId: string,
  caller: { name: string },
): Promise<void> {
  switch (action) {
    case "run":
      return startRound(app, client, taskId);
    case "pause":
      return pauseTask(app, client, taskId, "person", `paused by ${caller.name}`);
    case "resume":
      return resumeRound(app, client, taskId);
    case "cancel":
      return cancelTask(app, client, taskId);
    case "delete":
      return deleteTask(app, taskId);
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
  const note = (task: string) =>
    app.audit.add({
      ...{ actor: caller.name, actorId: caller.id, role: caller.role, status: 200 },
      ...{ action: `${asked.action}Task`, ids: { session: sessionId, task } },
    });
  await inParallel(AT_ONCE, page.ids, async (id, index) => {
    try {
      if (!id.startsWith(`${sessionId}-`))
        throw new LongshoreError("NOT_FOUND", `session ${sessionId} has no task ${id}`);
      await actOnTask(app, client, asked.action, id, caller);
      await note(id);
      const task = await app.tasks.find(id);
      results[index] = { id, ok: true, ...(task && { state: task.state }) };
    } catch (error) {
      if (!(error instanceof LongshoreError)) throw error;
      const { code, message } = error;
      const { remedy } = errorDefinition(code);
      results[index] = { id, ok: false, problem: { code, detail: message, remedy } };
    }
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
  return { ids: found.tasks.map(({ id }) => id), next: found.next };
}
