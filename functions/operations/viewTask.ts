import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { RoundView, TaskView } from "../../shared/contracts/tasks.ts";
import { agentState } from "../domain/agentStates.ts";
import type { LaneRecord, RoundRecord, TaskRecord } from "../domain/records.ts";
import { explainSettings } from "../domain/settings.ts";
import type { Services } from "../services.ts";
import { workId } from "../stores/refs.ts";
import { loadLevels } from "./loadSettings.ts";
import { waitingAtSharePoint } from "./waitingAtSharePoint.ts";

/** A task and its newest round as the API shows them. Costs a constant number of storage calls, however large the task is. */
export async function viewTask(app: Services, of: string | TaskRecord): Promise<TaskView> {
  const task = typeof of === "string" ? await requireTask(app, of) : of;
  const [round, levels] = await Promise.all([
    task.round === undefined ? undefined : app.rounds.find(task.id, task.round),
    loadLevels(app, task),
  ]);
  const { id, sessionId, name, source, destination, agentGroup, settings, state, createdAt } = task;
  return {
    ...{ id, sessionId, name, source, destination, agentGroup, settings, state, createdAt },
    tags: task.tags,
    ...(task.schedule && { schedule: task.schedule }),
    ...(task.windows && { windows: task.windows }),
    effective: explainSettings(levels),
    ...(round && { round: await viewRound(app, task, round) }),
  };
}

export async function requireTask(
  { tasks }: Pick<Services, "tasks">,
  id: string,
): Promise<TaskRecord> {
  const task = await tasks.find(id);
  if (!task) throw new LongshoreError("NOT_FOUND", `there is no task ${id}`);
  return task;
}

async function viewRound(app: Services, task: TaskRecord, round: RoundRecord): Promise<RoundView> {
  const inFlight = round.state === "InProgress" ? await uploading(app, round) : undefined;
  const { scan } = round;
  return {
    number: round.number,
    state: round.state,
    startedAt: round.startedAt,
    ...(round.endedAt !== undefined && { endedAt: round.endedAt }),
    ...(round.failure && { failure: round.failure }),
    ...(inFlight && (await waitingFor(app, task, round, inFlight))),
    scanFinished: scan.finished,
    scanned: {
      items: scan.items,
      bytes: scan.bytes,
      files: scan.files,
      folders: scan.folders,
      issues: scan.issues,
    },
    packaged: round.packaged,
    uploaded: {
      items: round.uploaded.items + (inFlight?.items ?? 0),
      bytes: round.uploaded.bytes + (inFlight?.bytes ?? 0),
    },
    imported: round.imported,
    migrated: round.migrated,
    skipped: round.skipped,
    failed: round.failed,
  };
}

/** What the lanes' work items have behind them but not in the counters yet, and whether one waits for an agent. */
async function uploading(
  { rounds }: Services,
  round: RoundRecord,
): Promise<{ items: number; bytes: number } & Standing> {
  const lanes = await rounds.listLanes(round.taskId, round.number);
  const ref = { taskId: round.taskId, round: round.number, run: round.run };
  const busy = lanes.filter(
    (lane): lane is LaneRecord & { segment: number } =>
      lane.run === round.run && lane.segment !== undefined,
  );
  let sealed = false;
  const uploads = await Promise.all(
    busy.map(async ({ segment }) => {
      const { attempt, state } = await rounds.package({ ...ref, segment });
      sealed ||= state === "sealed";
      if (state !== "planned") return undefined;
      return rounds.findWork(workId(ref, { kind: "upload", segment, attempt }));
    }),
  );
  const scan = round.scan.finished
    ? undefined
    : await rounds.findWork(workId(ref, { kind: "scan" }));
  const sum = { items: 0, bytes: 0, sealed, queued: scan?.state === "queued" };
  for (const work of uploads) {
    sum.items += work?.progress.items ?? 0;
    sum.bytes += work?.progress.bytes ?? 0;
    sum.queued ||= work?.state === "queued";
  }
  return sum;
}

/** Whether some work waits for an agent, or some package for SharePoint. */
interface Standing {
  queued: boolean;
  sealed: boolean;
}

async function waitingFor(
  app: Services,
  { agentGroup }: TaskRecord,
  round: RoundRecord,
  standing: Standing,
): Promise<{ waitingFor?: string }> {
  if (standing.queued && !(await hasAgent(app, agentGroup)))
    return { waitingFor: `group ${agentGroup} has no connected agent` };
  const reason = await waitingAtSharePoint(app, round, standing);
  return reason === undefined ? {} : { waitingFor: reason };
}

async function hasAgent({ agents, config }: Services, group: string): Promise<boolean> {
  const now = Date.now();
  for await (const agent of agents.list()) {
    const state = agentState(agent, config.HEARTBEAT_SECONDS, now);
    if (agent.group === group && state !== "Disconnected") return true;
  }
  return false;
}
