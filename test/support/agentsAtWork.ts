import { randomUUID } from "node:crypto";
import { beforeEach } from "@jest/globals";
import { expired } from "../../functions/domain/agents/workItems.ts";
import { planSegment } from "../../functions/domain/packages/plan.ts";
import type { RoundRecord, WorkRecord } from "../../functions/domain/records.ts";
import { claimWork, completeWork } from "../../functions/operations/agents/agentWork.ts";
import {
  type PackageRef,
  type ScanId,
  type UploadId,
  type WorkId,
  workId,
} from "../../functions/stores/rounds/refs.ts";
import { writePlan } from "../../functions/stores/rounds/roundBlobs.ts";
import type { UploadResult } from "../../shared/contracts/work.ts";
import { type NotedClient, noteClient } from "./durable-client.ts";
import { agent, file, folder, pkg, planInput, round, summaryOf, target, task } from "./records.ts";
import { controlPlane } from "./suite.ts";

/* Importing this gives each test a round with a scan and an upload to be done, and two agents to do them. */

export const { app } = controlPlane();
export let noted: NotedClient;
export let ref: { taskId: string; round: number; run: string };
let tests = 0;

export const named = (name: string, group = "default") =>
  agent(`agent0000${name}`, { name: `name of ${name}`, group });
export const [a, b] = [named("a"), named("b")];
export const entries = [folder("d"), file("d/f"), file("d/g", { size: 20 }), file("d/x:")];
export const scan = () => workId(ref, { kind: "scan" }) as ScanId;
export const upload = (attempt = 1) =>
  workId(ref, { kind: "upload", segment: 0, attempt }) as UploadId;
export const at = (): PackageRef => ({ ...ref, segment: 0 });
export const work = async (id: WorkId) => (await app.rounds.findWork(id)) as WorkRecord;
export const row = async () =>
  (await app.rounds.find(ref.taskId, 0)) as NonNullable<
    Awaited<ReturnType<typeof app.rounds.find>>
  >;

export async function offer(id: WorkId): Promise<void> {
  await app.rounds.insertWork({
    ...{ id: id.text, kind: id.kind, taskId: ref.taskId, round: 0, run: id.run },
    ...{ group: "default", instance: `waits for ${id.kind}`, state: "queued", epoch: 1, lost: 0 },
    ...{ offeredAt: "now", progress: { items: 0, bytes: 0 } },
  });
}
/** What the check for expired leases does. */
export const expire = (id: WorkId) => app.rounds.changeWork(id, expired);
export const claim = (id: WorkId, who = a, epoch = 1) =>
  claimWork(app, noted.client, who, id.text, epoch);
export const complete = (
  id: WorkId,
  result: Parameters<typeof completeWork>[4]["result"],
  who = a,
  epoch = 1,
) => completeWork(app, noted.client, who, id.text, { epoch, result });

/** Late: Jest 30 cannot require() CommonJS, as durable-functions is, while it links the modules that import it. */
export const check = async (id: WorkId) => {
  const { checkWork } = await import("../../functions/activities/checkWork.ts");
  return checkWork.run({ workItem: id.text }, app);
};

/** A round with one planned package and a work item for its upload, and another for the scan. */
beforeEach(async () => {
  noted = noteClient();
  ref = { taskId: `sess0000-agw${++tests}`, round: 0, run: "run000" };
  const inventoryContainer = `inventory-${randomUUID()}`;
  await app.stateBlobs.createContainer(inventoryContainer);
  await app.tasks.insert(task({ id: ref.taskId, source: "/srv/finance" }));
  await app.rounds.insert(round({ taskId: ref.taskId, inventoryContainer }));
  await plan();
  await app.rounds.openRound(ref, (value) => ({ ...value, target: target() }));
  await Promise.all([offer(scan()), offer(upload())]);
});

export async function plan(attempt = 1, createdAt = Date.now()): Promise<void> {
  const made = planSegment(planInput({ entries }));
  await writePlan(app.state.plans, at(), attempt, made);
  const containers = { data: `data-${randomUUID()}`, manifest: `manifest-${randomUUID()}` };
  await app.packageBlobs.createContainer(containers.data);
  const key = await app.keys.create(createdAt);
  const value = pkg(0, {
    ...{ summary: summaryOf(0, entries), state: "planned", attempt, counted: 1 },
    ...{ files: 2, folders: 1, containers, key },
  });
  const { target: opened } = await row();
  if (!opened) await app.rounds.mendPackages(ref, [{ segment: 0, value }]);
  else {
    await app.rounds.advance(at(), "scanned", (found) => {
      found.attempt = attempt;
    });
    await app.rounds.advance(at(), "planned", (found) => Object.assign(found, value));
  }
}

export const uploaded = (size = 10): UploadResult => ({
  ...{ kind: "upload", archives: [] },
  files: [1, 2].map((index) => ({
    ...{ status: "uploaded" as const, index, size, modified: 0, blob: `${index}.dat` },
    ...{ iv: "aXY=", md5: "bWQ1" },
  })),
});
export const scanned = (segments: number, from = 0, total = segments) => ({
  kind: "scan" as const,
  segments: Array.from({ length: segments - from }, (_, n) =>
    summaryOf(from + n, [file(`f${from + n}`)]),
  ),
  totalSegments: total,
});

export const set = (settings: Partial<RoundRecord["settings"]>) =>
  app.rounds.updateRound(ref, (value) => ({
    ...value,
    settings: { ...value.settings, ...settings },
  }));
