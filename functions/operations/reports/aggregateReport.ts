import { Readable } from "node:stream";
import { aggregateRow, rowWithoutRound } from "../../domain/reports/aggregateRow.ts";
import { AGGREGATE_COLUMNS, type Row } from "../../domain/reports/columns.ts";
import { csvOf } from "../../domain/reports/csv.ts";
import type { Services } from "../../services.ts";
import { newestRound } from "../rounds/newestRound.ts";

/** As many rounds are looked up at the same time. */
const AT_ONCE = 16;

/** The summary over the tasks, one row for each with its newest round, as CSV. The stream fails when a round cannot be read. */
export function aggregateReport(app: Services, tasks: AsyncIterable<{ id: string }>): Readable {
  // Not pipe(): an error must reach who reads the CSV.
  const csv = csvOf(AGGREGATE_COLUMNS);
  const rows = Readable.from(rowsOf(app, tasks));
  rows.on("error", (error) => csv.destroy(error));
  csv.on("close", () => rows.destroy());
  return rows.pipe(csv) as unknown as Readable;
}

async function* rowsOf(app: Services, tasks: AsyncIterable<{ id: string }>): AsyncGenerator<Row> {
  let batch: { id: string }[] = [];
  const rowsOfBatch = async () => (await Promise.all(batch.map(({ id }) => rowOf(app, id)))).flat();
  for await (const task of tasks) {
    batch.push(task);
    if (batch.length < AT_ONCE) continue;
    yield* await rowsOfBatch();
    batch = [];
  }
  yield* await rowsOfBatch();
}

/** None for a task that has been deleted meanwhile. */
async function rowOf(app: Services, id: string): Promise<Row[]> {
  const task = await app.tasks.find(id);
  if (!task) return [];
  const round = await newestRound(app, task);
  return [round ? aggregateRow({ task, round }) : rowWithoutRound(task)];
}
