import { z } from "zod";
import {
  bulkQuerySchema,
  bulkResultSchema,
  sessionFileSchema,
  sessionImportedSchema,
} from "../../shared/contracts/bulk.ts";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { requireSession } from "../operations/require.ts";
import { exportSession, importSession } from "../operations/sessions/sessionFiles.ts";
import { createTasks, resultBlob } from "../operations/tasks/createTasks.ts";
import { defineRoute, Noted, Raw, unchanged } from "./routing/route.ts";

const MEGABYTES = 1_000_000;

defineRoute(
  {
    name: "createTasks",
    method: "POST",
    route: "v1/sessions/{session}/tasks/bulk",
    role: "operator",
    tag: "tasks",
    summary: "Creates tasks from a CSV or JSON file, or says of every row what is wrong with it",
    query: bulkQuerySchema,
    body: z.string(),
    consumes: ["text/csv", "application/json"],
    asText: true,
    maxBytes: 50 * MEGABYTES,
    response: bulkResultSchema,
    idempotent: true,
  },
  async ({ app, params, query, body, newId }) => {
    const result = await createTasks(app, params.session, body, query, newId);
    return result.created > 0 ? new Noted(result, { bulk: result.id }) : unchanged(result);
  },
);

defineRoute(
  {
    name: "getBulkResult",
    method: "GET",
    route: "v1/sessions/{session}/bulk/{bulk}/result.csv",
    role: "reader",
    tag: "tasks",
    summary: "Downloads what became of every row of a file of tasks",
    produces: "text/csv",
  },
  async ({ app, params }) => {
    const blob = app.state.reports.getBlobClient(resultBlob(params.session, params.bulk));
    if (!(await blob.exists()))
      throw new LongshoreError("NOT_FOUND", `there is no result ${params.bulk}`);
    const { readableStreamBody } = await blob.download();
    return new Raw({
      body: readableStreamBody as unknown as AsyncIterable<Uint8Array>,
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": `attachment; filename="tasks-${params.bulk}.csv"`,
      },
    });
  },
);

defineRoute(
  {
    name: "exportSession",
    method: "GET",
    route: "v1/sessions/{session}/export",
    role: "reader",
    tag: "sessions",
    summary: "Downloads a session with its settings and all its tasks as one JSON file",
    produces: "application/json",
  },
  async ({ app, params }) => {
    const session = await requireSession(app, params.session);
    const bytes = new TextEncoder();
    async function* body() {
      for await (const text of exportSession(app, session)) yield bytes.encode(text);
    }
    return new Raw({
      body: body(),
      headers: {
        "content-type": "application/json; charset=utf-8",
        "content-disposition": `attachment; filename="session-${session.id}.json"`,
      },
    });
  },
);

defineRoute(
  {
    name: "importSession",
    method: "POST",
    route: "v1/sessions/import",
    role: "operator",
    tag: "sessions",
    summary: "Makes a new session of an exported one; its tasks have not run yet",
    body: sessionFileSchema,
    maxBytes: 100 * MEGABYTES,
    response: sessionImportedSchema,
    status: 201,
    idempotent: true,
  },
  async ({ app, body, newId }) => importSession(app, body, newId),
);
