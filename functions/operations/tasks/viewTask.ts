import type { RoundView } from "../../../shared/contracts/rounds.ts";
import type { TaskView, WaitingFor } from "../../../shared/contracts/tasks.ts";
import { explained } from "../../domain/failures.ts";
import type { PackageState, RoundRecord, TaskRecord } from "../../domain/records.ts";
import { progressOf } from "../../domain/rounds/progress.ts";
import { roundWarnings } from "../../domain/rounds/roundWarnings.ts";
import { explainSettings } from "../../domain/settings.ts";
import { instant, nextRun } from "../../domain/tasks/schedules.ts";
import type { Services } from "../../services.ts";
import { requireTask } from "../require.ts";
import { newestRound } from "../rounds/newestRound.ts";
import { workInHand } from "../rounds/stopRound.ts";
import { loadLevels } from "../sessions/loadSettings.ts";
import { type Standing, whyWaiting } from "./whyWaiting.ts";

/** A task and its newest round as the API shows them. Costs a constant number of storage calls, however large the task is. */
export async function viewTask(app: Services, of: string | TaskRecord): Promise<TaskView> {
  const task = typeof of === "string" ? await requireTask(app, of) : of;
  const [round, levels] = await Promise.all([newestRound(app, task), loadLevels(app, task)]);
  const { id, sessionId, name, source, destination, agentGroup, settings, state, createdAt } = task;
  const inFlight = round?.state === "InProgress" ? await underWay(app, round) : undefined;
  const waitingFor = await whyWaiting(app, task, round, inFlight);
  const now = Date.now();
  const next = nextRun(task.schedule, now);
  return {
    ...{ id, sessionId, name, source, destination, agentGroup, settings, state, createdAt },
    tags: task.tags,
    ...(task.schedule && { schedule: task.schedule }),
    ...(task.windows && { windows: task.windows }),
    effective: explainSettings(levels),
    ...(waitingFor && { waitingFor }),
    ...(next !== undefined && { nextRunAt: instant(next) }),
    ...(task.missed && { missed: task.missed }),
    ...(round && { round: viewRound(round, inFlight, waitingFor, now) }),
  };
}

function viewRound(
  round: RoundRecord,
  inFlight: UnderWay | undefined,
  waitingFor: WaitingFor | undefined,
  now: number,
): RoundView {
  const { scan, uploaded, state } = round;
  const warnings = roundWarnings(round);
  const known = {
    ...round,
    uploaded: {
      items: uploaded.items + (inFlight?.items ?? 0),
      bytes: uploaded.bytes + (inFlight?.bytes ?? 0),
    },
  };
  const isRunning = state === "InProgress";
  return {
    number: round.number,
    state: round.state,
    startedAt: round.startedAt,
    ...(round.endedAt !== undefined && { endedAt: round.endedAt }),
    ...(round.failure && { failure: explained(round.failure) }),
    ...(warnings.length > 0 && { warnings: warnings.map(explained) }),
    ...(isRunning && waitingFor && { waitingFor: waitingFor.reason }),
    progress: progressOf(known, round.samples ?? [], now, {
      ...{ isRunning, isOver: !isRunning && state !== "Paused" },
    }),
    scanFinished: scan.finished,
    scanned: {
      items: scan.items,
      bytes: scan.bytes,
      files: scan.files,
      folders: scan.folders,
      issues: scan.issues,
    },
    packaged: round.packaged,
    uploaded: known.uploaded,
    imported: round.imported,
    migrated: round.migrated,
    skipped: round.skipped,
    failed: round.failed,
  };
}

/** What a round has under way: what of it counts already, and what of it waits. */
interface UnderWay extends Standing {
  items: number;
  bytes: number;
}

async function underWay({ rounds }: Services, round: RoundRecord): Promise<UnderWay> {
  const { packages, scan } = await workInHand(rounds, round);
  const works = [scan, ...packages.map(({ work }) => work)];
  // Older versions are uploaded as well, and add to nothing: the package counts with its files as they are now.
  const sum = (key: "items" | "bytes") =>
    packages.reduce(
      (all, { pkg, work }) => all + Math.min(work?.progress[key] ?? 0, pkg.summary[key]),
      0,
    );
  const unannounced = works.find((work) => work?.state === "queued" && work.unannounced);
  const some = (state: PackageState) => packages.some(({ pkg }) => pkg.state === state);
  return {
    items: sum("items"),
    bytes: sum("bytes"),
    queued: works.some((work) => work?.state === "queued"),
    leased: works.some((work) => work?.state === "leased"),
    ...(unannounced?.unannounced && { unannounced: unannounced.unannounced }),
    sealed: some("sealed"),
    importing: some("importing"),
  };
}
