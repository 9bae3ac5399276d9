import { LongshoreError } from "../../shared/contracts/errors.ts";
import {
  itemListSchema,
  itemQuerySchema,
  reportChoiceSchema,
  reportListSchema,
  reportSelectionSchema,
  roundListSchema,
  roundSummarySchema,
} from "../../shared/contracts/reports.ts";
import type { RoundRecord } from "../domain/records.ts";
import { aggregateReport } from "../operations/reports/aggregateReport.ts";
import { listItems } from "../operations/reports/listItems.ts";
import { zipReports } from "../operations/reports/reportArchive.ts";
import { requireSession, requireTask } from "../operations/require.ts";
import { listRounds, summaryOf } from "../operations/rounds/listRounds.ts";
import { selectTasks } from "../operations/tasks/selectTasks.ts";
import type { Services } from "../services.ts";
import { reportFolder } from "../stores/rounds/roundBlobs.ts";
import { defineRoute, Raw } from "./routing/route.ts";

/* Blobs and rows of a task that was deleted are removed bit by bit: what is asked for here is a task's, and gone with it. */

defineRoute(
  {
    name: "listRounds",
    method: "GET",
    route: "v1/tasks/{task}/rounds",
    role: "reader",
    tag: "reports",
    summary: "Lists the rounds of a task, newest first, at most 100",
    response: roundListSchema,
  },
  async ({ app, params }) => {
    const task = await requireTask(app, params.task);
    return { rounds: await listRounds(app, task) };
  },
);

defineRoute(
  {
    name: "getRound",
    method: "GET",
    route: "v1/tasks/{task}/rounds/{round:int}",
    role: "reader",
    tag: "reports",
    summary: "Shows a round as the list of rounds does",
    response: roundSummarySchema,
  },
  async ({ app, params }) => {
    await requireTask(app, params.task);
    return summaryOf(await requireRound(app, { taskId: params.task, round: params.round }));
  },
);

defineRoute(
  {
    name: "listItems",
    method: "GET",
    route: "v1/tasks/{task}/rounds/{round:int}/items",
    role: "reader",
    tag: "reports",
    summary: "Lists the items of a round with what became of each, and why; also while it runs",
    query: itemQuerySchema,
    response: itemListSchema,
  },
  async ({ app, params, query }) => {
    await requireTask(app, params.task);
    const ref = { taskId: params.task, round: params.round };
    await requireRound(app, ref);
    return listItems(app, ref, query);
  },
);

defineRoute(
  {
    name: "listReports",
    method: "GET",
    route: "v1/tasks/{task}/rounds/{round:int}/reports",
    role: "reader",
    tag: "reports",
    summary: "Lists the reports of a round",
    response: reportListSchema,
  },
  async ({ app, params }) => {
    await requireTask(app, params.task);
    const prefix = folderOf(params);
    const reports = [];
    for await (const blob of app.state.reports.listBlobsFlat({ prefix }))
      reports.push({
        name: blob.name.slice(prefix.length),
        bytes: blob.properties.contentLength ?? 0,
      });
    if (reports.length === 0) await requireRound(app, { taskId: params.task, round: params.round });
    return { reports };
  },
);

defineRoute(
  {
    name: "getReport",
    method: "GET",
    route: "v1/tasks/{task}/rounds/{round:int}/reports/{name}",
    role: "reader",
    tag: "reports",
    summary: "Downloads a report",
    produces: "text/csv",
  },
  async ({ app, params }) => {
    await requireTask(app, params.task);
    const blob = app.state.reports.getBlobClient(`${folderOf(params)}${params.name}`);
    if (!(await blob.exists()))
      throw new LongshoreError("NOT_FOUND", `there is no report ${params.name}`);
    const { readableStreamBody, contentType } = await blob.download();
    return new Raw({
      body: readableStreamBody as unknown as AsyncIterable<Uint8Array>,
      headers: {
        "content-type": contentType ?? "text/csv; charset=utf-8",
        "content-disposition": `attachment; filename="${params.name}"`,
      },
    });
  },
);

defineRoute(
  {
    name: "getTaskReports",
    method: "GET",
    route: "v1/tasks/{task}/reports",
    role: "reader",
    tag: "reports",
    summary: "Downloads the reports of a task as one zip",
    query: reportChoiceSchema,
    produces: "application/zip",
  },
  async ({ app, params, query }) => {
    const { id, name } = await requireTask(app, params.task);
    async function* one() {
      yield { id, name };
    }
    const body = await zipReports(app.state.reports, one(), query);
    if (!body) throw new LongshoreError("NO_REPORTS", `task ${id} has no such reports (yet)`);
    return new Raw({
      body,
      headers: {
        "content-type": "application/zip",
        "content-disposition": `attachment; filename="reports-${params.task}.zip"`,
      },
    });
  },
);

defineRoute(
  {
    name: "getSessionReports",
    method: "GET",
    route: "v1/sessions/{session}/reports",
    role: "reader",
    tag: "reports",
    summary: "Downloads the reports of the tasks of a session that pass a filter as one zip",
    query: reportSelectionSchema.extend(reportChoiceSchema.shape),
    produces: "application/zip",
  },
  async ({ app, params, query }) => {
    await requireSession(app, params.session);
    const { rounds, reports, ...selection } = query;
    let passing = 0;
    async function* tasks() {
      for await (const task of selectTasks(app, params.session, selection)) {
        passing++;
        // What has not ended a round has no report: nothing need be looked for.
        if (task.lastRound) yield task;
      }
    }
    const body = await zipReports(app.state.reports, tasks(), { rounds, reports });
    if (!body) throw new LongshoreError("NO_REPORTS", whyNone(passing));
    return new Raw({
      body,
      headers: {
        "content-type": "application/zip",
        "content-disposition": `attachment; filename="reports-${params.session}.zip"`,
      },
    });
  },
);

defineRoute(
  {
    name: "getSessionSummaryReport",
    method: "GET",
    route: "v1/sessions/{session}/summary-report",
    role: "reader",
    tag: "reports",
    summary: "Downloads one row for each task of a session that passes a filter, as CSV",
    query: reportSelectionSchema,
    produces: "text/csv",
  },
  async ({ app, params, query }) => {
    await requireSession(app, params.session);
    return new Raw({
      body: aggregateReport(app, selectTasks(app, params.session, query)),
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": `attachment; filename="Aggregate Summary Report.csv"`,
      },
    });
  },
);

async function requireRound(
  { rounds }: Services,
  { taskId, round }: { taskId: string; round: number },
): Promise<RoundRecord> {
  const found = await rounds.find(taskId, round);
  if (found) return found;
  throw new LongshoreError("NOT_FOUND", `task ${taskId} has no round ${round}`);
}

function whyNone(tasks: number): string {
  if (tasks === 0) return "no task of the session passes the filter";
  const some = tasks === 1 ? "1 task passes" : `${tasks} tasks pass`;
  return `${some} the filter, and none has such reports (yet)`;
}

const folderOf = ({ task, round }: { task: string; round: number }) =>
  reportFolder({ taskId: task, round });
