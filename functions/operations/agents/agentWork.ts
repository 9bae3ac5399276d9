import type { DurableClient } from "durable-functions";
import { type ErrorCode, LongshoreError } from "../../../shared/contracts/errors.ts";
import type {
  ClaimResponse,
  CompleteRequest,
  FailRequest,
  HeartbeatRequest,
  HeartbeatResponse,
  UploadResult,
  Verdict,
  WorkProgress,
} from "../../../shared/contracts/work.ts";
import {
  claimed,
  completed,
  failed,
  released,
  renewed,
  withdrawn,
} from "../../domain/agents/workItems.ts";
import { acceptUpload } from "../../domain/packages/acceptUpload.ts";
import type { AgentRecord, WorkRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { parseWorkId, roundKey, type UploadId, type WorkId } from "../../stores/rounds/refs.ts";
import { readPlan, writeUpload } from "../../stores/rounds/roundBlobs.ts";
import { isRunOf } from "../../stores/rounds/roundChecks.ts";
import { announceWork } from "./announceWork.ts";
import { passOn } from "./passOn.ts";
import { workSpec } from "./workSpec.ts";

/** What agents do with work items. In each the row changes first and orchestrations are told afterwards. */

/** Grants a work item and its spec to the agent, if it is still to be had under this epoch. */
export async function claimWork(
  app: Services,
  client: DurableClient,
  agent: AgentRecord,
  workItem: string,
  epoch: number,
): Promise<ClaimResponse> {
  const { rounds, config } = app;
  const gone = (reason: string): ClaimResponse => ({ status: "gone", reason });
  const id = parseWorkId(workItem);
  if (!id) return gone("this is no work item");
  const round = await rounds.find(id.taskId, id.round);
  if (!round || !isRunOf(round, id)) return gone("the round is over");
  if (round.wish) return gone("the round is to stop");
  if (await passOn(app, agent, id, { epoch, source: round.source }))
    return gone("an agent of the group that may read the source is to do it");
  const by = { agentId: agent.id, epoch, leaseSeconds: config.LEASE_SECONDS, now: Date.now() };
  let granted = false;
  let moved = false;
  await rounds.changeWork(id, (row) => {
    const next = claimed(row, by);
    moved = next !== undefined && row.group !== agent.group;
    granted = next !== undefined && !moved;
    return granted ? next : undefined;
  });
  if (moved) return { status: "gone", reason: "the agent is in another group by now", moved };
  if (!granted) return gone("somebody else has it, or it is done");
  try {
    const spec = await workSpec(app, id, { epoch, round });
    if (id.kind === "upload") await app.audit.add(handOutEntry(agent, id));
    return { status: "granted", epoch, leaseSeconds: config.LEASE_SECONDS, spec };
  } catch (error) {
    if (!(error instanceof LongshoreError) || !IMPOSSIBLE.has(error.code)) throw error;
    // Nobody can do this item any more: its orchestration makes the package anew.
    const issue = { code: error.code, message: error.message };
    await finished(client, await rounds.changeWork(id, (row) => failed(row, { ...by, issue })));
    return gone(error.message);
  }
}

/** What the audit trail says of an agent that was given a package's key. */
const handOutEntry = ({ id, name }: AgentRecord, { taskId, round, segment }: UploadId) => ({
  ...{ actor: name, actorId: id, role: "agent" as const, action: "takeKey", status: 200 },
  ids: { task: taskId, round: `R${round}`, package: `${segment}` },
});

/** Why a granted item can be done by nobody: it waited longer than its key lives, its container refuses, or what it was for has moved on. */
const IMPOSSIBLE = new Set<ErrorCode>([
  ...(["CONTAINER_EXPIRED", "CONTAINER_REFUSED", "CONFLICT", "NOT_FOUND"] as const),
]);

/** Renews the leases of all the agent's work, registers what its scans have found, and says what to stop. */
export async function heartbeat(
  app: Services,
  client: DurableClient,
  agent: AgentRecord,
  request: HeartbeatRequest,
): Promise<HeartbeatResponse> {
  const { agents, config } = app;
  const row = await agents.update(agent.id, (value) => ({
    ...value,
    slots: request.slots,
    busy: request.work.length,
    work: request.work.map(({ workItem }) => workItem),
    lastSeenAt: new Date().toISOString(),
  }));
  const findRound = oncePerRound(app.rounds);
  const verdicts = await Promise.all(
    request.work.map(async (progress) => ({
      workItem: progress.workItem,
      verdict: await renew(app, client, agent, progress, findRound),
    })),
  );
  return {
    heartbeatSeconds: config.HEARTBEAT_SECONDS,
    work: verdicts,
    greet: row?.greetedGroup !== undefined && row.greetedGroup !== row.group,
    checks: row?.checks ?? [],
  };
}

/** Finds rounds, each once: an agent's slots mostly work on the same one. */
function oncePerRound(rounds: Services["rounds"]) {
  const found = new Map<string, ReturnType<typeof rounds.find>>();
  return ({ taskId, round }: WorkId) => {
    const key = roundKey(taskId, round);
    const known = found.get(key) ?? rounds.find(taskId, round);
    found.set(key, known);
    return known;
  };
}

async function renew(
  app: Services,
  client: DurableClient,
  agent: AgentRecord,
  progress: WorkProgress,
  findRound: ReturnType<typeof oncePerRound>,
): Promise<Verdict> {
  const { rounds, config } = app;
  const id = parseWorkId(progress.workItem);
  if (!id) return "stop";
  const round = await findRound(id);
  if (!round || !isRunOf(round, id) || round.wish === "cancel") return "stop";
  const verdict: Verdict = round.wish ? "yield" : "continue";
  let holds = false;
  const change = (row: WorkRecord) => {
    const next = renewed(row, {
      agentId: agent.id,
      epoch: progress.epoch,
      leaseSeconds: config.LEASE_SECONDS,
      progress: { items: progress.items, bytes: progress.bytes },
      now: Date.now(),
    });
    holds = next !== undefined;
    return next;
  };
  const { segments = [] } = progress;
  if (id.kind === "upload" || segments.length === 0) {
    await rounds.changeWork(id, change);
    return holds ? verdict : "stop";
  }
  if (!(await rounds.registerSegments(id, segments, agent.name, change))) return "stop";
  await wakeLanes(rounds, client, id);
  return verdict;
}

async function wakeLanes(
  rounds: Services["rounds"],
  client: DurableClient,
  id: WorkId,
): Promise<void> {
  const lanes = await rounds.listLanes(id.taskId, id.round);
  const waiting = lanes.filter((lane) => lane.run === id.run && lane.segment === undefined);
  await Promise.all(waiting.map(({ instance }) => tell(client, instance, "segments")));
}

export async function completeWork(
  app: Services,
  client: DurableClient,
  agent: AgentRecord,
  workItem: string,
  { epoch, result }: CompleteRequest,
): Promise<void> {
  const { rounds } = app;
  const id = known(workItem);
  const by = { agentId: agent.id, epoch };
  const change = (work: WorkRecord) => completed(work, by);
  const row = await rounds.findWork(id);
  if (!row) throw new LongshoreError("NOT_FOUND", `there is no work item ${workItem}`);
  if (change(row).state === row.state) return finished(client, row);
  if (result.kind === "scan" && id.kind === "scan") {
    await rounds.registerSegments(id, result.segments, agent.name, (work) => {
      change(work);
      return work;
    });
    await rounds.completeScan(id, result, change);
    await wakeLanes(rounds, client, id);
  } else if (result.kind === "upload" && id.kind === "upload") {
    await storeUpload(app, id, epoch, result);
    await rounds.completeUpload(id, agent.name, change);
  } else {
    throw new LongshoreError("BAD_REQUEST", `a ${result.kind} is no result of a ${id.kind}`);
  }
  await finished(client, row);
}

/** The result goes into a blob first; it counts once the package's row names its epoch. */
async function storeUpload(
  { state: { plans } }: Services,
  id: UploadId,
  epoch: number,
  result: UploadResult,
): Promise<void> {
  const plan = await readPlan(plans, id, id.attempt);
  if (!plan) throw new LongshoreError("CONFLICT", `package ${id.segment} has no plan any more`);
  await writeUpload(plans, id, id.attempt, epoch, acceptUpload(plan, result));
}

export async function failWork(
  { rounds }: Services,
  client: DurableClient,
  agent: AgentRecord,
  workItem: string,
  { epoch, issue }: FailRequest,
): Promise<void> {
  const by = { agentId: agent.id, epoch, issue };
  const row = await rounds.changeWork(known(workItem), (work) => failed(work, by));
  if (!row) throw new LongshoreError("NOT_FOUND", `there is no work item ${workItem}`);
  await finished(client, row);
}

/**
 * Takes a work item back from an agent that stops, and offers it to the others at once; to nobody when the round is to stop, which
 * is what its orchestration waits for.
 */
export async function releaseWork(
  app: Services,
  client: DurableClient,
  agent: AgentRecord,
  workItem: string,
  epoch: number,
): Promise<void> {
  const { rounds } = app;
  const id = known(workItem);
  const by = { agentId: agent.id, epoch };
  const round = await rounds.find(id.taskId, id.round);
  const row = await rounds.changeWork(id, (work) =>
    round?.wish ? withdrawn(released(work, by)) : released(work, by),
  );
  if (!row) throw new LongshoreError("NOT_FOUND", `there is no work item ${workItem}`);
  if (row.state === "queued") await announceWork(app, row);
  else await finished(client, row);
}

function known(workItem: string): WorkId {
  const id = parseWorkId(workItem);
  if (!id) throw new LongshoreError("NOT_FOUND", `there is no work item ${workItem}`);
  return id;
}

const finished = async (client: DurableClient, work: WorkRecord | undefined) => {
  if (work) await tell(client, work.instance, "finished");
};

/** Events are hints: an orchestration that misses one finds out by its own timer. */
async function tell(client: DurableClient, instance: string, event: string): Promise<void> {
  await client.raiseEvent(instance, event, {}).catch(() => undefined);
}
