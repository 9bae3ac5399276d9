import type { DurableClient } from "durable-functions";
import type { TaskState } from "../../../shared/contracts/tasks.ts";
import type {
  LaneRecord,
  PackageRecord,
  RoundRecord,
  TaskRecord,
  WorkRecord,
} from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { importInstance, workId } from "../../stores/rounds/refs.ts";
import type { RoundStore } from "../../stores/rounds.ts";

/** A package that a lane has in hand, and the work item it waits for, if it does. */
export interface InHand {
  segment: number;
  pkg: PackageRecord;
  work?: WorkRecord | undefined;
}

/** What a round has under way: its scan and the packages of its lanes. Costs two reads for each lane. */
export async function workInHand(
  rounds: RoundStore,
  { taskId, number, run, scan }: RoundRecord,
): Promise<{ waiting: LaneRecord[]; packages: InHand[]; scan?: WorkRecord | undefined }> {
  const ref = { taskId, round: number, run };
  const lanes = (await rounds.listLanes(taskId, number)).filter((lane) => lane.run === run);
  const [walk, ...packages] = await Promise.all([
    scan.finished ? undefined : rounds.findWork(workId(ref, { kind: "scan" })),
    ...lanes.flatMap(({ segment }) =>
      segment === undefined ? [] : [inHand(rounds, { ...ref, segment })],
    ),
  ]);
  return { waiting: lanes.filter(({ segment }) => segment === undefined), packages, scan: walk };
}

async function inHand(
  rounds: RoundStore,
  ref: { taskId: string; round: number; run: string; segment: number },
): Promise<InHand> {
  const { segment } = ref;
  const pkg = await rounds.package(ref);
  if (pkg.state !== "planned") return { segment, pkg };
  const id = workId(ref, { kind: "upload", segment, attempt: pkg.attempt });
  return { segment, pkg, work: await rounds.findWork(id) };
}

/**
 * Writes into the round's row that it is to pause or to be cancelled, and tells its orchestrations, so that they need not find
 * out by their timers. Agents hear of it with their next heartbeat.
 */
export async function stopRound(
  { rounds }: Pick<Services, "rounds">,
  client: DurableClient,
  { taskId, number, run }: RoundRecord,
  wish: NonNullable<RoundRecord["wish"]>,
): Promise<void> {
  const round = await rounds.change(taskId, number, (value) =>
    value.run === run && value.state === "InProgress" ? { ...value, wish } : undefined,
  );
  if (round?.run !== run || round.state !== "InProgress") return;
  const { waiting, packages, scan } = await workInHand(rounds, round);
  const ref = { taskId, round: number, run };
  const events = [
    ...waiting.map(({ instance }) => ({ instance, event: "segments" })),
    ...[scan, ...packages.map(({ work }) => work)].flatMap((work) =>
      work ? [{ instance: work.instance, event: "finished" }] : [],
    ),
    ...packages
      .filter(({ pkg }) => pkg.state === "sealed" || pkg.state === "importing")
      .map(({ segment, pkg }) => ({
        instance: importInstance({ ...ref, segment }, pkg.attempt),
        event: "wish",
      })),
  ];
  // Hints, all of them: who misses one finds out by its own timer.
  await Promise.all(
    events.map(({ instance, event }) =>
      client.raiseEvent(instance, event, {}).catch(() => undefined),
    ),
  );
}

/** What a task's state asks of its round. */
export const WISH: Partial<Record<TaskState, "pause" | "cancel">> = {
  Pausing: "pause",
  Paused: "pause",
  Cancelling: "cancel",
  Cancelled: "cancel",
};

/** What people want stands in the task's row first; the round's may have missed it. */
export async function tellWish(
  app: Pick<Services, "rounds">,
  client: DurableClient,
  task: TaskRecord,
  round: RoundRecord,
): Promise<void> {
  const wish = WISH[task.state];
  if (!wish || round.state !== "InProgress") return;
  await stopRound(app, client, round, wish);
}
