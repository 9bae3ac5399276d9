import { createHash } from "node:crypto";
import type { ContainerClient } from "@azure/storage-blob";
import { z } from "zod";
import {
  type InventoryEntry,
  type Issue,
  inventoryEntrySchema,
  issueSchema,
  segmentHeaderSchema,
} from "../../../shared/contracts/inventory.ts";
import { type Outcome, outcomeSchema } from "../../../shared/contracts/outcomes.ts";
import { type UploadResult, uploadResultSchema } from "../../../shared/contracts/work.ts";
import { type Plan, planSchema } from "../../domain/packages/plan.ts";
import { readJson, readLines, writeJson, writeLines } from "../storage/lines.ts";
import { type PackageRef, pad } from "./refs.ts";

/** Names and formats of a round's blobs: per-file data lives here, never in rows or orchestrations. */

type RoundRef = { taskId: string; round: number };

const folder = ({ taskId, round }: RoundRef) => `${taskId}/R${round}/`;
const planName = (ref: PackageRef, attempt: number) =>
  `${folder(ref)}${pad(ref.segment)}.${attempt}.plan.json.gz`;
// With the epoch, so that an agent whose lease has ended cannot replace the result of the one that came after it.
const uploadName = (ref: PackageRef, attempt: number, epoch: number) =>
  `${folder(ref)}${pad(ref.segment)}.${attempt}.e${epoch}.upload.json.gz`;
const outcomesName = (ref: RoundRef, segment: number) => `${folder(ref)}${pad(segment)}.jsonl.gz`;
const indexName = (ref: RoundRef) => `${folder(ref)}index.json.gz`;
export const reportFolder = folder;

/** Task, round and name of a report by the name of its blob. */
export function parseReportName(
  blob: string,
): { taskId: string; round: number; report: string } | undefined {
  const [, taskId, round, report] = /^([^/]+)\/R(\d+)\/([^/]+)$/.exec(blob) ?? [];
  if (taskId === undefined || report === undefined) return undefined;
  return { taskId, round: Number(round), report };
}

export async function readSegment(
  inventory: ContainerClient,
  blob: string,
): Promise<{ open: InventoryEntry[]; entries: InventoryEntry[] }> {
  const lines: unknown[] = [];
  for await (const line of readLines(inventory, blob)) lines.push(line);
  const { open } = segmentHeaderSchema.parse(lines[0]);
  return { open, entries: lines.slice(1).map((line) => inventoryEntrySchema.parse(line)) };
}

export const writePlan = (plans: ContainerClient, ref: PackageRef, attempt: number, plan: Plan) =>
  writeJson(plans, planName(ref, attempt), plan);
export const readPlan = (plans: ContainerClient, ref: PackageRef, attempt: number) =>
  readJson(plans, planName(ref, attempt), planSchema);

export const writeUpload = (
  plans: ContainerClient,
  ref: PackageRef,
  attempt: number,
  epoch: number,
  result: UploadResult,
) => writeJson(plans, uploadName(ref, attempt, epoch), result);
export const readUpload = (
  plans: ContainerClient,
  ref: PackageRef,
  { attempt, uploadEpoch }: { attempt: number; uploadEpoch?: number | undefined },
): Promise<UploadResult | undefined> =>
  uploadEpoch === undefined
    ? Promise.resolve(undefined)
    : readJson(plans, uploadName(ref, attempt, uploadEpoch), uploadResultSchema);

const newsPrefix = (ref: PackageRef, attempt: number) =>
  `${folder(ref)}${pad(ref.segment)}.${attempt}.news-`;

/** Keeps events of a package's job before they are taken off the queue; the same ones again are the same blob. */
export function writeNews(
  plans: ContainerClient,
  ref: PackageRef,
  attempt: number,
  events: readonly string[],
): Promise<void> {
  const hash = createHash("sha256").update(events.join("\n")).digest("hex").slice(0, 24);
  return writeLines(plans, `${newsPrefix(ref, attempt)}${hash}.jsonl.gz`, events);
}

/** All events that were kept, in no order. */
export async function readNews(
  plans: ContainerClient,
  ref: PackageRef,
  attempt: number,
): Promise<string[]> {
  const events: string[] = [];
  for await (const { name } of plans.listBlobsFlat({ prefix: newsPrefix(ref, attempt) }))
    for await (const event of readLines(plans, name)) events.push(z.string().parse(event));
  return events;
}

const refusedName = (ref: PackageRef, attempt: number) =>
  `${folder(ref)}${pad(ref.segment)}.${attempt}.refused.json.gz`;
const refusedSchema = z.array(z.tuple([z.string(), issueSchema]));

/** Items that SharePoint refused in an attempt that came to nothing, with what it said. */
export const writeRefused = (
  plans: ContainerClient,
  ref: PackageRef,
  attempt: number,
  refused: ReadonlyMap<string, Issue>,
) => writeJson(plans, refusedName(ref, attempt), [...refused]);
export const readRefused = async (plans: ContainerClient, ref: PackageRef, attempt: number) =>
  new Map(await readJson(plans, refusedName(ref, attempt), refusedSchema));

export const writeOutcomes = (
  outcomes: ContainerClient,
  ref: RoundRef,
  segment: number,
  lines: readonly Outcome[],
) => writeLines(outcomes, outcomesName(ref, segment), lines);

export async function* readOutcomes(
  outcomes: ContainerClient,
  ref: RoundRef,
  segment: number,
): AsyncGenerator<Outcome> {
  for await (const line of readLines(outcomes, outcomesName(ref, segment)))
    yield outcomeSchema.parse(line);
}

/** Which paths each outcome blob of a finished round covers, in order. */
export const ledgerIndexSchema = z.array(
  z.object({ segment: z.number().int(), first: z.string(), last: z.string() }),
);
export type LedgerIndex = z.infer<typeof ledgerIndexSchema>;

export const writeLedgerIndex = (outcomes: ContainerClient, ref: RoundRef, index: LedgerIndex) =>
  writeJson(outcomes, indexName(ref), index);
export const readLedgerIndex = (outcomes: ContainerClient, ref: RoundRef) =>
  readJson(outcomes, indexName(ref), ledgerIndexSchema);

/** What a round's blobs say is there; recovery compares the rows with it. */
export async function listRoundBlobs(
  container: ContainerClient,
  ref: RoundRef,
): Promise<{
  plan(segment: number, attempt: number): boolean;
  upload(segment: number, attempt: number, epoch: number): boolean;
  outcomes(segment: number): boolean;
}> {
  const names = new Set<string>();
  for await (const blob of container.listBlobsFlat({ prefix: folder(ref) })) names.add(blob.name);
  const at = (segment: number): PackageRef => ({ ...ref, run: "", segment });
  return {
    plan: (segment, attempt) => names.has(planName(at(segment), attempt)),
    upload: (segment, attempt, epoch) => names.has(uploadName(at(segment), attempt, epoch)),
    outcomes: (segment) => names.has(outcomesName(ref, segment)),
  };
}

/** What a folder at the destination held before the round; `items` is `null` when SharePoint would not list it. */
const beforeSchema = z.object({
  /** The library and the folder. */
  place: z.string(),
  items: z
    .array(
      z.object({
        name: z.string(),
        id: z.string(),
        kind: z.enum(["file", "folder"]),
        size: z.number().int(),
        modified: z.number().int(),
      }),
    )
    .nullable(),
});
const beforeName = (ref: RoundRef) => `${folder(ref)}before.json.gz`;

export const writeBefore = (
  plans: ContainerClient,
  ref: RoundRef,
  before: z.infer<typeof beforeSchema>,
) => writeJson(plans, beforeName(ref), before);
/** Undefined when nobody wrote it down. */
export const readBefore = (plans: ContainerClient, ref: RoundRef) =>
  readJson(plans, beforeName(ref), beforeSchema);
