import { taskListQuerySchema } from "../../shared/contracts/taskFilters.ts";
import {
  taskCreateSchema,
  taskListSchema,
  taskPatchSchema,
  taskViewSchema,
} from "../../shared/contracts/tasks.ts";
import { requireSession, requireTask } from "../operations/require.ts";
import { changeTask, versionOf } from "../operations/tasks/changeTask.ts";
import { createTask } from "../operations/tasks/createTask.ts";
import { viewTask } from "../operations/tasks/viewTask.ts";
import type { Services } from "../services.ts";
import { defineRoute, taggedPart } from "./routing/route.ts";

defineRoute(
  {
    name: "createTask",
    method: "POST",
    route: "v1/sessions/{session}/tasks",
    role: "operator",
    tag: "tasks",
    summary: "Creates a task, and starts it unless told otherwise",
    body: taskCreateSchema,
    response: taskViewSchema,
    status: 201,
    idempotent: true,
  },
  async ({ app, client, params, body, newId }) =>
    showTask(app, await createTask(app, client, params.session, body, newId)),
);

defineRoute(
  {
    name: "listTasks",
    method: "GET",
    route: "v1/sessions/{session}/tasks",
    role: "reader",
    tag: "tasks",
    summary: "Lists the tasks of a session that pass a filter, a page at a time",
    query: taskListQuerySchema,
    response: taskListSchema,
  },
  async ({ app, params, query }) => {
    await requireSession(app, params.session);
    return app.tasks.page(params.session, query);
  },
);

defineRoute(
  {
    name: "getTask",
    method: "GET",
    route: "v1/tasks/{task}",
    role: "reader",
    tag: "tasks",
    summary: "Shows a task and its newest round; the ETag tells versions of what people can change",
    response: taskViewSchema,
  },
  async ({ app, params }) => showTask(app, params.task),
);

defineRoute(
  {
    name: "patchTask",
    method: "PATCH",
    route: "v1/tasks/{task}",
    role: "operator",
    tag: "tasks",
    summary: "Changes a task; what it says counts from the next round on",
    body: taskPatchSchema,
    response: taskViewSchema,
  },
  async ({ app, client, params, body, ifMatch }) => {
    await changeTask(app, client, params.task, body, (version) => ifMatch.require(version));
    return showTask(app, params.task);
  },
);

async function showTask(app: Services, id: string) {
  const task = await requireTask(app, id);
  return taggedPart(await viewTask(app, task), versionOf(task));
}
