import { z } from "zod";
import { assessmentSchema } from "../../shared/contracts/assessment.ts";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import {
  scanBulkQuerySchema,
  scanBulkResultSchema,
  scanCopySchema,
  scanCreateSchema,
  scanListSchema,
  scanViewSchema,
} from "../../shared/contracts/scans.ts";
import { taskListQuerySchema } from "../../shared/contracts/taskFilters.ts";
import { taskViewSchema } from "../../shared/contracts/tasks.ts";
import { requireTask } from "../operations/require.ts";
import { startRound } from "../operations/rounds/startRound.ts";
import { versionOf } from "../operations/tasks/changeTask.ts";
import { createScans } from "../operations/tasks/createScans.ts";
import { deleteTask } from "../operations/tasks/deleteTask.ts";
import {
  copyScan,
  createScan,
  pageScans,
  requireScan,
  viewScan,
} from "../operations/tasks/scans.ts";
import { viewTask } from "../operations/tasks/viewTask.ts";
import type { Services } from "../services.ts";
import { readAssessment } from "../stores/rounds/assessments.ts";
import { defineRoute, taggedPart, unchanged } from "./routing/route.ts";

/* Scans on their own. They are paused, resumed, cancelled and reported on as tasks are, under the same id. */

defineRoute(
  {
    name: "createScan",
    method: "POST",
    route: "v1/scans",
    role: "operator",
    tag: "scans",
    summary: "Scans a source and assesses it, with or without a destination; nothing is migrated",
    body: scanCreateSchema,
    response: scanViewSchema,
    status: 201,
    idempotent: true,
  },
  async ({ app, client, body, newId }) => showScan(app, await createScan(app, client, body, newId)),
);

defineRoute(
  {
    name: "createScans",
    method: "POST",
    route: "v1/scans/bulk",
    role: "operator",
    tag: "scans",
    summary: "Scans every source of a file with one column",
    query: scanBulkQuerySchema,
    body: z.string(),
    consumes: ["text/csv"],
    asText: true,
    maxBytes: 50_000_000,
    response: scanBulkResultSchema,
    idempotent: true,
  },
  async ({ app, query, body, newId }) => {
    const result = await createScans(app, body, query, newId);
    return result.scans.some(({ isNew }) => isNew) ? result : unchanged(result);
  },
);

defineRoute(
  {
    name: "listScans",
    method: "GET",
    route: "v1/scans",
    role: "reader",
    tag: "scans",
    summary: "Lists the scans that pass a filter, a page at a time, with how ready each source is",
    query: taskListQuerySchema,
    response: scanListSchema,
  },
  async ({ app, query }) => pageScans(app, query),
);

defineRoute(
  {
    name: "getScan",
    method: "GET",
    route: "v1/scans/{scan}",
    role: "reader",
    tag: "scans",
    summary: "Shows a scan with its assessment",
    response: scanViewSchema,
  },
  async ({ app, params }) => showScan(app, params.scan),
);

defineRoute(
  {
    name: "deleteScan",
    method: "DELETE",
    route: "v1/scans/{scan}",
    role: "operator",
    tag: "scans",
    summary: "Deletes a scan that is not in progress, with its reports",
  },
  async ({ app, params, ifMatch }) => {
    await requireScan(app, params.scan);
    await deleteTask(app, params.scan, (task) => ifMatch.require(versionOf(task)));
  },
);

defineRoute(
  {
    name: "rescan",
    method: "POST",
    route: "v1/scans/{scan}/run",
    role: "operator",
    tag: "scans",
    summary: "Scans the source again",
    response: scanViewSchema,
    status: 202,
  },
  async ({ app, client, params }) => {
    await requireScan(app, params.scan);
    const isStarted = await startRound(app, client, params.scan);
    const scan = await showScan(app, params.scan);
    return isStarted ? scan : unchanged(scan);
  },
);

defineRoute(
  {
    name: "copyScan",
    method: "POST",
    route: "v1/scans/{scan}/copy",
    role: "operator",
    tag: "scans",
    summary: "Makes a task of a scan, in a session, with the scan's settings and tags",
    body: scanCopySchema,
    response: taskViewSchema,
    status: 201,
    idempotent: true,
  },
  async ({ app, client, params, body, newId }) => {
    const scan = await requireScan(app, params.scan);
    return viewTask(app, await copyScan(app, client, scan, body, newId));
  },
);

defineRoute(
  {
    name: "getAssessment",
    method: "GET",
    route: "v1/tasks/{task}/rounds/{round:int}/assessment",
    role: "reader",
    tag: "reports",
    summary: "Shows what the scan of a round says about its source; there when the round has ended",
    response: assessmentSchema,
  },
  async ({ app, params }) => {
    await requireTask(app, params.task);
    const ref = { taskId: params.task, round: params.round };
    const assessment = await readAssessment(app.state.reports, ref);
    if (!assessment)
      throw new LongshoreError("NOT_FOUND", `round ${ref.round} of ${ref.taskId} has none (yet)`);
    return assessment;
  },
);

async function showScan(app: Services, id: string) {
  const scan = await requireScan(app, id);
  return taggedPart(await viewScan(app, scan), versionOf(scan));
}
