import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ContainerClient } from "@azure/storage-blob";
import type { Stringifier } from "csv-stringify";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { AssessmentTally } from "../../domain/assessment/assessmentTally.ts";
import {
  ASSESSMENT_COLUMNS,
  assessmentRows,
  LONG_PATH_COLUMNS,
  longPathRow,
} from "../../domain/assessment/rows.ts";
import { NOT_MAPPED_COLUMNS, notMappedRow, PeopleTally } from "../../domain/people/notMapped.ts";
import { asksForPeople } from "../../domain/people/packagePeople.ts";
import type { RoundRecord, TaskRecord } from "../../domain/records.ts";
import { aggregateRow } from "../../domain/reports/aggregateRow.ts";
import {
  AGGREGATE_COLUMNS,
  FAILURE_COLUMNS,
  FATAL_COLUMNS,
  ITEM_COLUMNS,
  type Row,
  SCAN_COLUMNS,
  SUMMARY_COLUMNS,
} from "../../domain/reports/columns.ts";
import { csvOf } from "../../domain/reports/csv.ts";
import { failureRow, itemRow } from "../../domain/reports/itemRows.ts";
import { roundRow } from "../../domain/reports/roundRow.ts";
import { RoundTally } from "../../domain/reports/roundTally.ts";
import { roundWarnings } from "../../domain/rounds/roundWarnings.ts";
import type { Services } from "../../services.ts";
import { assessmentName, writeAssessment } from "../../stores/rounds/assessments.ts";
import { readOutcomes, reportFolder } from "../../stores/rounds/roundBlobs.ts";
import { ownedItems, whoIsNotMapped } from "./reportPeople.ts";

/**
 * Writes the reports of a round, streaming: outcomes are read package by package and go straight into the CSV blobs. Returns
 * how many items the reports name: those of the packages that are recorded.
 */
export async function writeReports(
  app: Services,
  task: TaskRecord,
  round: RoundRecord,
): Promise<number> {
  const { rounds, state } = app;
  const ref = { taskId: task.id, round: round.number };
  const context = { task, round };
  const suffix = `_R${round.number}`;
  const tally = new RoundTally();
  const assessment = new AssessmentTally(round);
  const people = asksForPeople(round.settings) ? new PeopleTally(round.settings) : undefined;
  const open: Report[] = [];
  const names = new Set<string>();
  const report = (name: string, columns: readonly string[]) => {
    names.add(name);
    const opened = openReport(state.reports, `${reportFolder(ref)}${name}`, columns);
    open.push(opened);
    return opened;
  };
  try {
    const items = report(`ItemReport${suffix}.csv`, ITEM_COLUMNS);
    // Opened with their first row: without one there is no such report.
    let failures: Report | undefined;
    let longPaths: Report | undefined;
    for await (const { segment, value } of rounds.listPackages(task.id, round.number)) {
      if (value.state !== "recorded") continue;
      const owned = people ? await ownedItems(app, round, value) : undefined;
      for await (const outcome of readOutcomes(state.outcomes, ref, segment)) {
        tally.add(outcome);
        await items.write(itemRow(context, outcome));
        const item = comes(outcome) ? owned?.get(outcome.path) : undefined;
        if (item) people?.add(item);
        const isUnique = round.settings.preservePermissions && item?.access !== undefined;
        const lengths = assessment.add(outcome, isUnique);
        if (lengths.isLong) {
          longPaths ??= report(`LongPaths${suffix}.csv`, LONG_PATH_COLUMNS);
          await longPaths.write(longPathRow(context, outcome, lengths));
        }
        if (outcome.result !== "failed") continue;
        failures ??= report(`ItemFailureReport${suffix}.csv`, FAILURE_COLUMNS);
        await failures.write(failureRow(context, outcome));
      }
    }
    for (const [name, columns, row] of [
      [`ItemSummary${suffix}.csv`, SUMMARY_COLUMNS, tally.summaryRow(round)],
      [`ScanSummary${suffix}.csv`, SCAN_COLUMNS, tally.scanRow(round)],
      ["Aggregate Summary Report.csv", AGGREGATE_COLUMNS, aggregateRow(context)],
    ] as const)
      await report(name, columns).write(row);
    if (round.failure)
      await report(`FatalError${suffix}.csv`, FATAL_COLUMNS).write(
        roundRow(context, round.failure),
      );
    const warnings = roundWarnings(round);
    if (warnings.length > 0) {
      const said = report(`Warnings${suffix}.csv`, FATAL_COLUMNS);
      for (const warning of warnings) await said.write(roundRow(context, warning));
    }
    const notMapped = people ? await whoIsNotMapped(app, round, people) : [];
    if (notMapped.length > 0) {
      const missing = report(`UserNotMapped${suffix}.csv`, NOT_MAPPED_COLUMNS);
      for (const each of notMapped) await missing.write(notMappedRow(each));
    }
    const assessed = assessment.result();
    const table = report(`Assessment${suffix}.csv`, ASSESSMENT_COLUMNS);
    for (const row of assessmentRows(assessed)) await table.write(row);
    await Promise.all(open.map((each) => each.close()));
    await writeAssessment(state.reports, ref, assessed);
    names.add(assessmentName(ref));
    await removeOthers(state.reports, reportFolder(ref), names);
  } catch (error) {
    for (const each of open) each.abandon();
    throw error;
  }
  return tally.items;
}

/** Whether an item is at the destination with this round, or would be. */
const comes = ({ result, issue }: Outcome) => result === "migrated" || issue?.code === "SCAN_ONLY";

/** A round that failed and was taken up again has reports that no longer hold. */
async function removeOthers(
  reports: ContainerClient,
  folder: string,
  names: ReadonlySet<string>,
): Promise<void> {
  for await (const blob of reports.listBlobsFlat({ prefix: folder }))
    if (!names.has(blob.name.slice(folder.length))) await reports.deleteBlob(blob.name);
}

interface Report {
  write(row: Row): Promise<void>;
  close(): Promise<void>;
  /** Ends without storing anything. */
  abandon(): void;
}

function openReport(container: ContainerClient, blob: string, columns: readonly string[]): Report {
  const csv = csvOf(columns);
  const body = new PassThrough();
  const written = Promise.all([
    pipeline(csv, body),
    container.getBlockBlobClient(blob).uploadStream(body, 1024 * 1024, 2, {
      blobHTTPHeaders: { blobContentType: "text/csv; charset=utf-8" },
    }),
  ]);
  // A failed upload surfaces at close; until then it must not count as unhandled.
  written.catch(() => csv.destroy());
  return {
    async write(row) {
      if (csv.write(row)) return;
      await (csv.destroyed ? written : drained(csv));
    },
    async close() {
      csv.end();
      await written;
    },
    abandon() {
      csv.destroy();
    },
  };
}

/** Resolves when there is room again, or never will be: then the next write throws. */
const drained = (stream: Stringifier) =>
  new Promise<void>((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
