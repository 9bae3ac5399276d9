import {
  actionResultSchema,
  bulkActionSchema,
  type TaskAction,
} from "../../shared/contracts/taskActions.ts";
import { taskViewSchema } from "../../shared/contracts/tasks.ts";
import { requireSession } from "../operations/require.ts";
import { actOnTask, actOnTasks } from "../operations/tasks/actOnTasks.ts";
import { versionOf } from "../operations/tasks/changeTask.ts";
import { deleteTask } from "../operations/tasks/deleteTask.ts";
import { viewTask } from "../operations/tasks/viewTask.ts";
import { defineRoute, unchanged } from "./routing/route.ts";

/* What people do with tasks that exist. What becomes of a task in which state: domain/tasks/taskStates.ts. */

const ACTIONS: Record<Exclude<TaskAction, "delete">, string> = {
  run: "Runs a task now: its first or next round, or the round again that did not see its source to the end",
  pause: "Pauses a task: agents give back its work at the next file, and it can be resumed",
  resume: "Goes on with a paused task where it was",
  cancel: "Cancels the round of a task: every item that was scanned gets its outcome",
};

for (const action of ["run", "pause", "resume", "cancel"] as const)
  defineRoute(
    {
      name: `${action}Task`,
      method: "POST",
      route: `v1/tasks/{task}/${action}`,
      role: "operator",
      tag: "tasks",
      summary: ACTIONS[action],
      response: taskViewSchema,
      status: 202,
    },
    async ({ app, client, params, caller }) => {
      const { isChanged } = await actOnTask(app, client, action, params.task, caller);
      const task = await viewTask(app, params.task);
      return isChanged ? task : unchanged(task);
    },
  );

defineRoute(
  {
    name: "deleteTask",
    method: "DELETE",
    route: "v1/tasks/{task}",
    role: "operator",
    tag: "tasks",
    summary: "Deletes a task that is not in progress, with its reports; what it has migrated stays",
  },
  async ({ app, params, ifMatch }) => {
    await deleteTask(app, params.task, (task) => ifMatch.require(versionOf(task)));
  },
);

defineRoute(
  {
    name: "actOnTasks",
    method: "POST",
    route: "v1/sessions/{session}/actions",
    role: "operator",
    tag: "tasks",
    summary: "Runs, pauses, resumes, cancels or deletes many tasks of a session",
    body: bulkActionSchema,
    response: actionResultSchema,
  },
  async ({ app, client, params, body, caller }) => {
    await requireSession(app, params.session);
    return actOnTasks(app, client, params.session, body, caller);
  },
);
