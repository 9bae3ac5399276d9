import { LongshoreError } from "../../shared/contracts/errors.ts";
import { reportListSchema } from "../../shared/contracts/tasks.ts";
import { reportFolder } from "../stores/roundBlobs.ts";
import { defineRoute, Raw } from "./route.ts";

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
    const prefix = folderOf(params);
    const reports = [];
    for await (const blob of app.state.reports.listBlobsFlat({ prefix }))
      reports.push({
        name: blob.name.slice(prefix.length),
        bytes: blob.properties.contentLength ?? 0,
      });
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
    const blob = app.state.reports.getBlobClient(`${folderOf(params)}${params.name}`);
    if (!(await blob.exists()))
      throw new LongshoreError("NOT_FOUND", `there is no report ${params.name}`);
    const { readableStreamBody } = await blob.download();
    return new Raw({
      body: readableStreamBody as unknown as AsyncIterable<Uint8Array>,
      headers: { "content-type": "text/csv; charset=utf-8" },
    });
  },
);

const folderOf = ({ task, round }: { task: string; round: number }) =>
  reportFolder({ taskId: task, round });
