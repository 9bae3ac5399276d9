import type { DurableClient } from "durable-functions";
import type { z } from "zod";
import type { Assessment } from "../../../shared/contracts/assessment.ts";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type {
  ScanListItem,
  ScanView,
  scanCopySchema,
  scanCreateSchema,
} from "../../../shared/contracts/scans.ts";
import type { TaskListItem, TaskState } from "../../../shared/contracts/tasks.ts";
import type { newId } from "../../domain/ids.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { hasDestination, NO_DESTINATION } from "../../domain/rounds/nominalTarget.ts";
import { SCANS } from "../../domain/settings.ts";
import type { Services } from "../../services.ts";
import { readAssessment } from "../../stores/rounds/assessments.ts";
import type { PageQuery } from "../../stores/taskIndex/pageTasks.ts";
import { inParallel } from "../inParallel.ts";
import { addTask, createTask, newTask } from "./createTask.ts";
import { viewTask } from "./viewTask.ts";

/*
 * A scan on its own is a task of a session that has no other tasks and no row: everything that holds of tasks (rounds, queue,
 * pause, reports, deletion) holds of it, and its rounds never do more than scan.
 */

export async function createScan(
  app: Services,
  client: DurableClient,
  wished: z.output<typeof scanCreateSchema>,
  ids: typeof newId,
): Promise<string> {
  const { start, name, destination = NO_DESTINATION, ...rest } = wished;
  const task = newTask(SCANS, ids(8), {
    ...rest,
    name: name ?? wished.source.slice(-255),
    destination,
  });
  return addTask(app, client, task, start === "now");
}

export async function requireScan(
  { tasks }: Pick<Services, "tasks">,
  id: string,
): Promise<TaskRecord> {
  const task = await tasks.find(id);
  if (task?.sessionId !== SCANS) throw new LongshoreError("NOT_FOUND", `there is no scan ${id}`);
  return task;
}

export async function viewScan(app: Services, scan: TaskRecord): Promise<ScanView> {
  const {
    sessionId: _session,
    schedule: _schedule,
    windows: _windows,
    ...view
  } = await viewTask(app, scan);
  const assessment = await assessmentOf(app, scan);
  const { destination, round, ...rest } = view;
  return {
    ...rest,
    ...(hasDestination(destination) && { destination }),
    ...(round && { round }),
    ...(round?.failure && { failure: round.failure }),
    ...readinessOf(scan.state, assessment),
    ...(assessment && { assessment }),
  };
}

/** One page of the scans; costs one small blob for each that was scanned, beside the page itself. */
export async function pageScans(
  app: Services,
  query: PageQuery,
): Promise<{ scans: ScanListItem[]; next?: string }> {
  const { tasks, next } = await app.tasks.page(SCANS, query);
  const scans: ScanListItem[] = [];
  await inParallel(16, [...tasks.entries()], async ([index, task]) => {
    scans[index] = listItem(task, await assessmentOf(app, task));
  });
  return { scans, ...(next !== undefined && { next }) };
}

function listItem(task: TaskListItem, assessment: Assessment | undefined): ScanListItem {
  const { id, name, source, destination, agentGroup, tags, state, createdAt, lastRound } = task;
  return {
    ...{ id, name, source, agentGroup, tags, state, createdAt },
    ...(hasDestination(destination) && { destination }),
    ...(lastRound?.endedAt !== undefined && { scannedAt: lastRound.endedAt }),
    ...readinessOf(state, assessment),
    ...(assessment && {
      files: assessment.files,
      folders: assessment.folders,
      bytes: assessment.bytes,
      keptBack: assessment.keptBack.items,
      ...(assessment.longestPath && { longestPath: assessment.longestPath.length }),
    }),
  };
}

/** A scan that failed as a whole is no good, even if it has come too short to say anything. */
function readinessOf(state: TaskState, assessment: Assessment | undefined) {
  const readiness = state === "Failed" ? ("Error" as const) : assessment?.readiness;
  return readiness ? { readiness } : {};
}

/** That of the last round that has ended. */
async function assessmentOf(
  { state }: Pick<Services, "state">,
  { id, lastRound }: Pick<TaskRecord | TaskListItem, "id" | "lastRound">,
): Promise<Assessment | undefined> {
  return lastRound && readAssessment(state.reports, { taskId: id, round: lastRound.number });
}

/** Makes a task of a scan, in a session. The scan stays. Returns the task's id. */
export async function copyScan(
  app: Services,
  client: DurableClient,
  scan: TaskRecord,
  { session, settings, destination, ...wished }: z.output<typeof scanCopySchema>,
  ids: typeof newId,
): Promise<string> {
  const place = destination ?? scan.destination;
  if (!hasDestination(place))
    throw new LongshoreError(
      "BAD_REQUEST",
      "destination: the scan has none, so the task needs one (siteUrl, library, folder)",
    );
  const { scanOnly: _scanOnly, ...own } = scan.settings;
  return createTask(
    app,
    client,
    session,
    {
      ...wished,
      name: wished.name ?? scan.name,
      source: scan.source,
      destination: place,
      agentGroup: wished.agentGroup ?? scan.agentGroup,
      tags: wished.tags ?? scan.tags,
      settings: { ...own, ...settings },
    },
    ids,
  );
}
