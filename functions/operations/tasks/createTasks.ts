import { once } from "node:events";
import type { ContainerClient } from "@azure/storage-blob";
import type { BulkProblem, BulkQuery, BulkResult } from "../../../shared/contracts/bulk.ts";
import { MAX_BULK_TASKS } from "../../../shared/contracts/bulk.ts";
import { type BulkFile, checkDraft, type Draft, type Remark } from "../../domain/bulk/bulkFile.ts";
import { readBulkFile } from "../../domain/bulk/readBulkFile.ts";
import type { newId } from "../../domain/ids.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { csvOf } from "../../domain/reports/csv.ts";
import { placeOf } from "../../domain/tasks/taskPlace.ts";
import type { Services } from "../../services.ts";
import { requireSession } from "../require.ts";
import { newTask } from "./createTask.ts";
import { storeTasks } from "./storeTasks.ts";

type App = Pick<Services, "tasks" | "wakeUps" | "state">;

/** A row of the file with what has been found out about it. */
interface Row {
  draft: Draft;
  task?: TaskRecord;
  problems: Remark[];
  /** The task that has the same source and destination, or the row that makes it. */
  twin?: string | Row;
}

/** A row of a file whose header misses something may have no problem of its own, and make no task all the same. */
const isGood = ({ task, problems }: Row): boolean => task !== undefined && problems.length === 0;

/**
 * Creates the tasks of a file. Every row is checked, and everything that is wrong is said at once; nothing is created unless all
 * rows are good, or the caller wants those that are. The tasks wait to be run, or for their schedules.
 */
export async function createTasks(
  app: App,
  sessionId: string,
  text: string,
  { format, mode, dryRun }: BulkQuery,
  ids: typeof newId,
): Promise<BulkResult> {
  await requireSession(app, sessionId);
  const id = ids(10);
  const file = readBulkFile(text, format);
  if (file.drafts.length > MAX_BULK_TASKS) file.problems.push(tooMany(file));
  const rows = file.drafts.map((draft, index) => checkRow(draft, index, sessionId, ids));
  await findTwins(app, sessionId, rows);
  const good = rows.filter(isGood);
  const isWanted =
    !dryRun &&
    file.problems.length === 0 &&
    (mode === "valid-only" || good.length === rows.length) &&
    good.length > 0;
  if (isWanted) await create(app, sessionId, good);
  const result = resultOf(id, sessionId, file, rows, { mode, dryRun }, isWanted);
  await storeResult(app.state.reports, sessionId, result, file.problems, rows);
  return result;
}

const tooMany = ({ drafts }: BulkFile): BulkProblem => ({
  ...{ row: 0, column: "", value: `${drafts.length}`, message: "are too many tasks for one file" },
  fix: `Send at most ${MAX_BULK_TASKS} at a time.`,
});

function checkRow(draft: Draft, index: number, sessionId: string, ids: typeof newId): Row {
  // Drawn for every row, so that a repeated request gives every task the id it had.
  const id = ids(8);
  const { task, problems } = checkDraft(draft);
  return {
    draft,
    problems,
    ...(task && { task: { ...newTask(sessionId, id, task), order: index } }),
  };
}

/** Finds rows with the source and destination of an earlier row, or of a task of the session. */
async function findTwins({ tasks }: App, sessionId: string, rows: readonly Row[]): Promise<void> {
  const checked = rows.filter((row): row is Row & { task: TaskRecord } => row.task !== undefined);
  const there = await tasks.findPlaces(
    sessionId,
    checked.map(({ task }) => task),
  );
  const first = new Map<string, Row>();
  checked.forEach((row, index) => {
    const place = placeOf(row.task);
    const earlier = first.get(place);
    const other = there[index];
    if (earlier)
      refuse(row, earlier, `row ${earlier.draft.row} has the same source and destination`);
    else first.set(place, row);
    if (!earlier && other !== undefined && other !== row.task.id) refuseTwin(row, other);
  });
}

function refuse(row: Row, twin: string | Row, message: string): void {
  row.twin = twin;
  const { column, value } = row.draft.origin("source");
  row.problems.push({ column, value, message, fix: "Leave the row out." });
}

function refuseTwin(row: Row, other: string): void {
  refuse(row, other, `task ${other} has the same source and destination`);
}

async function create(app: App, sessionId: string, rows: readonly Row[]): Promise<void> {
  const byId = new Map(rows.map((row) => [row.task?.id as string, row]));
  const wanted = rows.map(({ task }) => task as TaskRecord);
  // Another request may just have created one of them.
  for (const [id, other] of await storeTasks(app, sessionId, wanted))
    refuseTwin(byId.get(id) as Row, other);
}

function resultOf(
  id: string,
  sessionId: string,
  { format, problems }: BulkFile,
  rows: readonly Row[],
  choice: Pick<BulkQuery, "mode" | "dryRun">,
  isWanted: boolean,
): BulkResult {
  const located = (remarks: (row: Row) => readonly Remark[]) =>
    rows.flatMap((row) => remarks(row).map((remark) => ({ row: row.draft.row, ...remark })));
  const taskOf = (row: Row): string | undefined =>
    isGood(row) ? (isWanted ? row.task?.id : undefined) : existing(row);
  const existing = ({ twin }: Row) => (typeof twin === "object" ? taskOf(twin) : twin);
  const results = rows.map((row) => {
    const task = taskOf(row);
    return { row: row.draft.row, status: statusOf(row, isWanted), ...(task && { task }) };
  });
  const count = (wanted: string) => results.filter(({ status }) => status === wanted).length;
  return {
    ...{ id, format, ...choice, rows: rows.length },
    ...{ created: count("created"), valid: count("valid") },
    ...{ invalid: count("invalid"), duplicates: count("duplicate") },
    problems: [
      ...problems,
      ...located((row) => {
        const task = existing(row);
        return task ? row.problems.map((each) => ({ ...each, existing: task })) : row.problems;
      }),
    ].sort((one, other) => one.row - other.row),
    warnings: located(({ draft }) => draft.warnings),
    results,
    resultFile: `v1/sessions/${sessionId}/bulk/${id}/result.csv`,
  };
}

function statusOf(row: Row, isWanted: boolean): BulkResult["results"][number]["status"] {
  if (isGood(row)) return isWanted ? "created" : "valid";
  return row.twin ? "duplicate" : "invalid";
}

export const resultBlob = (sessionId: string, id: string): string => `bulk/${sessionId}/${id}.csv`;

const COLUMNS = [
  "Row",
  "Status",
  "Task ID",
  "Name",
  "Source",
  "Destination",
  "Problems",
  "Warnings",
];

/** Keeps the result as CSV: a line for what is wrong with the file, and for each of its rows. */
async function storeResult(
  reports: ContainerClient,
  sessionId: string,
  { id, results }: BulkResult,
  problems: readonly BulkProblem[],
  rows: readonly Row[],
): Promise<void> {
  const csv = csvOf(COLUMNS);
  const chunks = Array.fromAsync(csv as AsyncIterable<Buffer>);
  const write = async (cells: (string | number)[]) => {
    if (!csv.write(cells)) await once(csv, "drain");
  };
  for (const problem of problems)
    await write([problem.row || "", "invalid", "", "", "", "", textOf([problem]), ""]);
  for (const [index, { draft, problems: found }] of rows.entries()) {
    const { row, status, task = "" } = results[index] as BulkResult["results"][number];
    const { name = "", source = "", destination } = draft.task;
    const there = [destination?.siteUrl, destination?.library, destination?.folder]
      .filter(Boolean)
      .join("/");
    const texts = [textOf(found), textOf(draft.warnings)];
    await write([row, status, task, name, source, there, ...texts]);
  }
  csv.end();
  await reports
    .getBlockBlobClient(resultBlob(sessionId, id))
    .uploadData(Buffer.concat(await chunks), {
      blobHTTPHeaders: { blobContentType: "text/csv; charset=utf-8" },
    });
}

const textOf = (remarks: readonly Remark[]): string =>
  remarks
    .map(({ column, message, fix }) => `${column ? `${column}: ` : ""}${message}. ${fix}`)
    .join(" | ");
