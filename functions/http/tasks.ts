import { LongshoreError } from "../../shared/contracts/errors.ts";
import { taskCreateSchema, taskListSchema, taskViewSchema } from "../../shared/contracts/tasks.ts";
import type { TaskRecord } from "../domain/records.ts";
import { startRound } from "../operations/startRound.ts";
import { viewTask } from "../operations/viewTask.ts";
import type { Services } from "../services.ts";
import { defineRoute } from "./route.ts";

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
  async ({ app, client, params, body, newId }) => {
    const sessionId = params.session;
    if (!(await app.tasks.findSession(sessionId)))
      throw new LongshoreError("NOT_FOUND", `there is no session ${sessionId}`);
    const task: TaskRecord = {
      id: `${sessionId}-${newId(8)}`,
      sessionId,
      name: body.name,
      source: body.source,
      destination: body.destination,
      agentGroup: body.agentGroup,
      tags: body.tags,
      settings: body.settings ?? {},
      ...(body.schedule && { schedule: body.schedule }),
      ...(body.windows && { windows: body.windows }),
      state: "Queued",
      createdAt: new Date().toISOString(),
      nextIntId: 1,
    };
    await refuseDuplicate(app, task);
    const start = body.start ?? (body.schedule ? "manually" : "now");
    if (start === "manually") task.state = "Scheduled";
    // Active before it exists: a task that was stored is started, by the timer if not by us.
    if (start === "now") await app.tasks.setActive(task.id);
    await app.tasks.insert(task);
    if (start === "now") await startRound(app, client, task.id);
    return viewTask(app, task.id);
  },
);

defineRoute(
  {
    name: "listTasks",
    method: "GET",
    route: "v1/sessions/{session}/tasks",
    role: "reader",
    tag: "tasks",
    summary: "Lists the tasks of a session",
    response: taskListSchema,
  },
  async ({ app, params }) => {
    const sessionId = params.session;
    if (!(await app.tasks.findSession(sessionId)))
      throw new LongshoreError("NOT_FOUND", `there is no session ${sessionId}`);
    const tasks = [];
    for await (const { id } of app.tasks.list(sessionId)) tasks.push(await viewTask(app, id));
    return { tasks };
  },
);

defineRoute(
  {
    name: "getTask",
    method: "GET",
    route: "v1/tasks/{task}",
    role: "reader",
    tag: "tasks",
    summary: "Shows a task and its newest round",
    response: taskViewSchema,
  },
  async ({ app, params }) => viewTask(app, params.task),
);

defineRoute(
  {
    name: "runTask",
    method: "POST",
    route: "v1/tasks/{task}/run",
    role: "operator",
    tag: "tasks",
    summary: "Runs a task now: its first or next round, or the failed one again",
    response: taskViewSchema,
    status: 202,
  },
  async ({ app, client, params }) => {
    await startRound(app, client, params.task);
    return viewTask(app, params.task);
  },
);

async function refuseDuplicate(app: Services, task: TaskRecord): Promise<void> {
  const { siteUrl, library, folder } = task.destination;
  for await (const other of app.tasks.list(task.sessionId)) {
    const there = other.destination;
    if (
      other.source === task.source &&
      there.siteUrl === siteUrl &&
      there.library === library &&
      there.folder === folder
    )
      throw new LongshoreError(
        "DUPLICATE_TASK",
        `task ${other.id} has the same source and destination`,
      );
  }
}
