import { LongshoreError } from "../../shared/contracts/errors.ts";
import { reportFolder } from "../stores/roundBlobs.ts";
import { defineRoute, Raw } from "./route.ts";

defineRoute(
  "listReports",
  { method: "GET", route: "v1/tasks/{task}/rounds/{round:int}/reports", caller: "administrator" },
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
  "getReport",
  {
    method: "GET",
    route: "v1/tasks/{task}/rounds/{round:int}/reports/{name}",
    caller: "administrator",
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

const folderOf = (params: Record<string, string>) =>
  reportFolder({ taskId: params.task ?? "", round: Number(params.round) });
