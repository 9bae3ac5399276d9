import { errorDefinition } from "../../../shared/contracts/errors.ts";
import type { WaitingFor } from "../../../shared/contracts/tasks.ts";
import { agentCondition, canWork, groupCondition } from "../../domain/agents/agentStates.ts";
import type { RoundRecord, TaskRecord } from "../../domain/records.ts";
import { instant, nextRun } from "../../domain/tasks/schedules.ts";
import type { Services } from "../../services.ts";
import { waitingAtSharePoint } from "./waitingAtSharePoint.ts";

/** What of a round waits: work for an agent, packages for SharePoint to take their jobs, jobs for SharePoint to run them. */
export interface Standing {
  queued: boolean;
  /** Somebody works on something. */
  leased: boolean;
  /** Why agents could not be told of what is queued. */
  unannounced?: string;
  sealed: boolean;
  importing: boolean;
}

/** Enough to say that there are many. */
const MOST_AHEAD = 1_000;
const NOTHING = "Nothing to do.";

/** Why a task does not move, and what would let it go on; undefined when it moves or is over. */
export async function whyWaiting(
  app: Services,
  task: TaskRecord,
  round: RoundRecord | undefined,
  standing: Standing | undefined,
): Promise<WaitingFor | undefined> {
  switch (task.state) {
    case "Scheduled":
      return scheduled(task);
    case "Queued":
      return (await forTurn(app, task)) ?? (await forAgents(app, task.agentGroup));
    case "InProgress":
      return round && standing && inProgress(app, round, standing);
    case "Pausing":
      return {
        reason: "agents finish the files they have in hand, and SharePoint takes what is uploaded",
        remedy: NOTHING,
      };
    case "Paused":
      return paused(task);
    case "Cancelling":
      return {
        reason: "SharePoint's jobs are taken back, and every item gets its outcome",
        remedy: NOTHING,
      };
    default:
      return undefined;
  }
}

function scheduled({ schedule }: TaskRecord): WaitingFor {
  // One that is late comes with the next look at what is due.
  const at = schedule && "at" in schedule ? Date.parse(schedule.at) : nextRun(schedule, Date.now());
  return at === undefined
    ? { reason: "it waits to be run", remedy: "Run it, or give it a schedule." }
    : {
        reason: `it is due at ${instant(at)}`,
        remedy: "Run it now if it shall not wait for that.",
      };
}

function paused({ paused: by }: TaskRecord): WaitingFor {
  const remedy =
    by?.by === "window"
      ? "Wait for the window, or change the windows of the task."
      : "Resume it, or cancel it.";
  return { reason: by?.reason ?? "it is paused", remedy };
}

async function forTurn(
  { admission, config }: Services,
  { id, queued }: TaskRecord,
): Promise<WaitingFor | undefined> {
  if (!queued) return undefined;
  const place = { ...queued, taskId: id };
  if (!(await admission.isWaiting(place))) return undefined;
  const ahead = await admission.ahead(place, MOST_AHEAD);
  const count = `${ahead}${ahead === MOST_AHEAD ? " or more" : ""}`;
  return {
    reason:
      ahead === 0
        ? `group ${queued.group} has ${config.TASKS_AT_ONCE} tasks in progress, and this one is next`
        : `${count} ${ahead === 1 ? "task is" : "tasks are"} before this one in group ${queued.group}`,
    remedy: `Wait for one to end, pause one, or raise TASKS_AT_ONCE (${config.TASKS_AT_ONCE}).`,
  };
}

async function inProgress(
  app: Services,
  round: RoundRecord,
  standing: Standing,
): Promise<WaitingFor | undefined> {
  if (standing.unannounced !== undefined)
    return { reason: standing.unannounced, remedy: errorDefinition("QUEUE_MISSING").remedy };
  if (standing.queued && !standing.leased) {
    const agents = await forAgents(app, round.agentGroup);
    if (agents) return agents;
  }
  const reason = await waitingAtSharePoint(app, round, standing);
  if (reason !== undefined)
    return {
      reason,
      remedy: "It goes on by itself; fewer tasks for the site at a time would help.",
    };
  if (standing.importing && !standing.leased && !standing.queued && !standing.sealed)
    return { reason: "SharePoint has not finished the jobs it was given", remedy: NOTHING };
  return undefined;
}

/** Why no agent of the group takes work, if none does. */
async function forAgents(
  { agents, config }: Services,
  group: string,
): Promise<WaitingFor | undefined> {
  const all = await Array.fromAsync(agents.list());
  const now = Date.now();
  const { ready, reason, remedy } = groupCondition(group, all, config.HEARTBEAT_SECONDS, now);
  if (!ready && reason !== undefined) return { reason, remedy: remedy ?? NOTHING };
  const able = all.filter(
    (agent) =>
      agent.group === group && canWork(agentCondition(agent, config.HEARTBEAT_SECONDS, now).state),
  );
  if (able.some(({ busy, slots }) => busy < slots)) return undefined;
  return {
    reason: `the ${able.length === 1 ? "agent" : `${able.length} agents`} of group ${group} have no free slot`,
    remedy: "Wait for one, add an agent to the group, or give an agent more slots.",
  };
}
