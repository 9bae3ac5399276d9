import { Readable } from "node:stream";
import type { BlobItem, ContainerClient } from "@azure/storage-blob";
import { ZipFile } from "yazl";
import type { ReportChoice } from "../../../shared/contracts/reports.ts";
import { parseReportName } from "../../stores/rounds/roundBlobs.ts";

const WITH_ITEMS = /^ItemReport_/;
const FAILURES = /^(ItemFailureReport|FatalError)_/;

interface Entry {
  /** Path within the archive. */
  path: string;
  blob: BlobItem;
}

/**
 * The reports of tasks as one zip, a folder per task and round; nothing is held but the list of names. The stream fails when
 * a report cannot be read: half an archive must not pass for a whole one. Undefined when there is no report.
 */
export async function zipReports(
  reports: ContainerClient,
  tasks: AsyncIterable<{ id: string; name: string }>,
  choice: ReportChoice,
): Promise<Readable | undefined> {
  const entries = entriesOf(reports, tasks, choice);
  const first = await entries.next();
  if (first.done) return undefined;
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  const fail = (error: unknown) => output.destroy(error as Error);
  zip.on("error", fail);
  const add = ({ path, blob }: Entry) =>
    zip.addReadStreamLazy(path, { mtime: blob.properties.lastModified }, (done) => {
      reports
        .getBlobClient(blob.name)
        .download()
        .then(
          ({ readableStreamBody }) => done(undefined, readableStreamBody ?? Readable.from([])),
          (error: unknown) => done(error, Readable.from([])),
        );
    });
  const fill = async () => {
    add(first.value);
    for await (const entry of entries) add(entry);
    zip.end();
  };
  fill().catch(fail);
  return output;
}

async function* entriesOf(
  reports: ContainerClient,
  tasks: AsyncIterable<{ id: string; name: string }>,
  choice: ReportChoice,
): AsyncGenerator<Entry, undefined> {
  for await (const { id, name } of tasks)
    for (const { blob, round, report } of await chosenReports(reports, id, choice))
      yield { path: `${folderName(name)} (${id})/R${round}/${report}`, blob };
}

async function chosenReports(
  reports: ContainerClient,
  taskId: string,
  choice: ReportChoice,
): Promise<{ blob: BlobItem; round: number; report: string }[]> {
  const found = [];
  for await (const blob of reports.listBlobsFlat({ prefix: `${taskId}/` })) {
    const parsed = parseReportName(blob.name);
    if (parsed && isChosen(parsed.report, choice)) found.push({ blob, ...parsed });
  }
  if (choice.rounds === "all") return found;
  const latest = Math.max(...found.map(({ round }) => round));
  return found.filter(({ round }) => round === latest);
}

function isChosen(report: string, { reports }: ReportChoice): boolean {
  if (reports === "all") return true;
  return !WITH_ITEMS.test(report) && (reports === "failures" || !FAILURES.test(report));
}

/** A task's name as a folder's name on any system. */
const folderName = (name: string): string =>
  name
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what Windows refuses
    .replace(/[\\/:*?"<>|\u0000-\u001f]/g, "_")
    .slice(0, 100)
    .replace(/[. ]+$/, "") || "task";
