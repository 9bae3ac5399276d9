import { createReadStream, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TaskView } from "../../shared/contracts/tasks.ts";
import type { Api } from "./api.ts";
import { readCsv } from "./csv.ts";

export interface ItemFailure {
  path: string;
  code: string;
  reason: string;
  remedy: string;
}

/** Downloads the reports of a round; returns the folder they are in. */
export async function downloadReports(
  api: Api,
  { id, name }: TaskView,
  round: number,
  data: string,
): Promise<string> {
  const folder = join(data, "reports", fileName(name), `R${round}`);
  mkdirSync(folder, { recursive: true });
  for (const report of await api.listReports(id, round)) {
    await api.downloadReport(id, round, report.name, join(folder, fileName(report.name)));
  }
  return folder;
}

/** The first failures that the failure report of a round names; their paths are relative to `source`. */
export async function firstFailures(
  folder: string,
  { source }: Pick<TaskView, "source">,
  round: number,
  count: number,
): Promise<ItemFailure[]> {
  const file = join(folder, `ItemFailureReport_R${round}.csv`);
  const above = source.replace(/[\\/]+$/, "").length + 1;
  const failures: ItemFailure[] = [];
  if (!existsSync(file)) return failures;
  for await (const row of readCsv(createReadStream(file, "utf8"))) {
    // "CODE: what was seen | what to do"
    const [, code = "", reason = "", remedy = ""] =
      /^([A-Z_]+): (.*) \| (.*)$/s.exec(row.Message ?? "") ?? [];
    // Not "Source item ID": a relative path may look like a formula, and is then neutralised.
    failures.push({ path: (row.Source ?? "").slice(above), code, reason, remedy });
    if (failures.length === count) break;
  }
  return failures;
}

/** Names come from the API; a file name must not lead out of its folder. */
const fileName = (name: string) => name.replace(/[\\/:*?"<>|]/g, "_").replace(/^\.+/, "_");
