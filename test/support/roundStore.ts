import { afterAll, beforeAll, beforeEach } from "@jest/globals";
import { claimed, renewed } from "../../functions/domain/agents/workItems.ts";
import type { PackageRecord, WorkRecord } from "../../functions/domain/records.ts";
import {
  type PackageRef,
  type ScanId,
  type UploadId,
  type WorkId,
  workId,
} from "../../functions/stores/rounds/refs.ts";
import { RoundStore } from "../../functions/stores/rounds.ts";
import { openTable } from "../../functions/stores/storage/documents.ts";
import { file, pkg, round, summaryOf, target } from "./records.ts";
import { startStorage, type TestStorage, uniquePrefix } from "./storage.ts";

export let store: RoundStore;
/** Every test has a task of its own, and so a partition. */
export let ref: { taskId: string; round: number; run: string };

/** Starts storage for the suite, and a round for each of its tests. */
export function useRounds(): void {
  let storage: TestStorage;
  let tests = 0;
  beforeAll(async () => {
    storage = await startStorage();
    store = new RoundStore(await openTable(storage.connection, uniquePrefix()));
  });
  afterAll(() => storage.stop());
  beforeEach(async () => {
    ref = { taskId: `sess0000-test${++tests}`, round: 0, run: "run000" };
    await store.insert(round({ taskId: ref.taskId }));
  });
}

export const conflict = { code: "CONFLICT" };
export const row = async () => {
  const found = await store.find(ref.taskId, 0);
  if (!found) throw new Error("the round has no row");
  return found;
};
export const at = (segment: number): PackageRef => ({ ...ref, segment });
export const packages = async () =>
  (await Array.fromAsync(store.listPackages(ref.taskId, 0))).map(({ segment }) => segment);

export const scan = () => workId(ref, { kind: "scan" }) as ScanId;
export const upload = (segment: number, attempt = 1) =>
  workId(ref, { kind: "upload", segment, attempt }) as UploadId;
const lease = (agentId: string, epoch: number, now = Date.now()) => ({
  ...{ agentId, epoch, now, leaseSeconds: 60 },
});

export async function offer(id: WorkId, agent?: string): Promise<void> {
  await store.insertWork({
    ...{ id: id.text, kind: id.kind, taskId: ref.taskId, round: 0, run: id.run },
    ...{ group: "default", instance: "instance", state: "queued", epoch: 1, lost: 0 },
    ...{ offeredAt: "now", progress: { items: 0, bytes: 0 } },
  });
  if (agent) await store.changeWork(id, (work) => claimed(work, lease(agent, 1)));
}

/** Registers as the agent with this lease would. */
export const register = (count: number, first = 0, agent = "a", epoch = 1) =>
  store.registerSegments(scan(), summaries(count, first), agent, (work: WorkRecord) =>
    renewed(work, { ...lease(agent, epoch), progress: { items: 1, bytes: 1 } }),
  );
const summaries = (count: number, first: number) =>
  Array.from({ length: count }, (_, n) => summaryOf(first + n, [file(`f${first + n}`)]));

/** A round whose scan is over, with packages in these states. */
export async function withPackages(...records: Partial<PackageRecord>[]): Promise<void> {
  await store.mendPackages(
    ref,
    records.map((more, segment) => ({ segment, value: pkg(segment, more) })),
  );
  await store.openRound(ref, (value) => ({
    ...value,
    target: target(),
    scan: { ...value.scan, finished: true, segments: records.length },
  }));
}
