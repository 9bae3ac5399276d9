import { randomUUID } from "node:crypto";
import { inLibrary, type Plan, type PlanItem, planSegment } from "../domain/plan.ts";
import type { PackageRecord, Target } from "../domain/records.ts";
import { inParallel } from "../operations/inParallel.ts";
import type { Services } from "../services.ts";
import { earlierOutcomes } from "../stores/ledger.ts";
import { readSegment, writePlan } from "../stores/roundBlobs.ts";
import type { PackageRef } from "../stores/rounds.ts";
import { defineActivity } from "./activity.ts";

export interface PlanSummary {
  attempt: number;
  files: number;
  folders: number;
  /** Whether the contents are uploaded already, because an earlier run got that far. */
  uploaded: boolean;
}

const summaryOf = (pkg: PackageRecord): PlanSummary => ({
  attempt: pkg.attempt,
  files: pkg.files ?? 0,
  folders: pkg.folders ?? 0,
  uploaded: pkg.state !== "planned" && pkg.state !== "scanned",
});

/** Turns a segment into a package: decides about every item, and gives the package its containers and its key. */
export const packageSegment = defineActivity(
  "packageSegment",
  async (ref: PackageRef, app): Promise<PlanSummary> => {
    const { rounds, tasks, state, stateBlobs, packageBlobs, keys } = app;
    const pkg = await rounds.package(ref);
    if (pkg.state !== "scanned") return summaryOf(pkg);
    const round = await rounds.current(ref);
    const task = await tasks.find(ref.taskId);
    const target = round.target;
    if (!task || !target) throw new Error(`round R${ref.round} of ${ref.taskId} is not open`);

    const inventory = stateBlobs.getContainerClient(round.inventoryContainer);
    const { open, entries } = await readSegment(inventory, pkg.summary.blob);
    const paths = entries.map(({ path }) => path);
    const earlier =
      round.ledgerRound === undefined
        ? new Map()
        : await earlierOutcomes(
            state.outcomes,
            { taskId: ref.taskId, round: round.ledgerRound },
            paths,
          );
    const firstIntId = round.intIdBase + ref.segment * task.settings.packageItems;
    const plan = planSegment({ open, entries, earlier, target, firstIntId });
    if (pkg.attempt > 0 || round.interrupted) await skipArrived(app, target, plan, ref.round);

    const attempt = pkg.attempt + 1;
    const migrate = plan.items.filter(({ action }) => action === "migrate");
    const files = migrate.filter(({ kind }) => kind === "file").length;
    await writePlan(state.plans, ref, attempt, plan);
    const made =
      migrate.length > 0 ? await makeContainersAndKey({ packageBlobs, keys }, ref) : undefined;
    return summaryOf(
      await rounds.advance(ref, "planned", (row) => {
        Object.assign(row, { attempt, files, folders: migrate.length - files, ...made });
      }),
    );
  },
);

/** Containers are used once, so every attempt gets its own. */
async function makeContainersAndKey(
  { packageBlobs, keys }: Pick<Services, "packageBlobs" | "keys">,
  ref: PackageRef,
) {
  const name = `${ref.taskId}-${randomUUID().slice(0, 18)}`;
  const containers = { data: `${name}-d`, manifest: `${name}-m` };
  const [key] = await Promise.all([
    keys.create(Date.now()),
    packageBlobs.createContainer(containers.data),
    packageBlobs.createContainer(containers.manifest),
  ]);
  return { containers, key };
}

/**
 * When an earlier attempt was interrupted, its import may have happened although nobody could note it down. What is at the
 * destination under our identity, with the size and time of the source, is not imported a second time.
 */
async function skipArrived(
  { destination }: Services,
  target: Target,
  plan: Plan,
  round: number,
): Promise<void> {
  const files = plan.items.filter(({ action, kind }) => action === "migrate" && kind === "file");
  await inParallel(16, files, async (item: PlanItem) => {
    const found = await destination.findFile(target, inLibrary(target, item.path));
    const sameSecond = found && Math.floor(item.modified / 1000) * 1000 === found.modified;
    if (found?.id !== item.id || found?.size !== item.size || !sameSecond) return;
    item.action = "arrived";
    item.arrived = { modified: item.modified, size: item.size, round };
  });
}
