import type { FoundItem } from "../../destinations/sharePoint.ts";
import type { UploadedContent } from "../../domain/packages/packageManifest.ts";
import { placeInLibrary } from "../../domain/packages/places.ts";
import type { Plan, PlanItem } from "../../domain/packages/plan.ts";
import type { PackageRecord, RoundRecord, Target } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { inParallel } from "../inParallel.ts";

/**
 * Whether what is at the destination is this content of the item: under our identity, with its size and its time. The time
 * matters, because an earlier version of the file may well have the same size. SharePoint keeps whole seconds.
 */
export const isContent = (
  found: FoundItem,
  { id, size, modified }: { id?: string | undefined; size: number; modified: number },
): boolean =>
  found.id === id && found.size === size && found.modified === Math.floor(modified / 1000) * 1000;

/** Of a file that SharePoint was interrupted at, some older versions may be missing: then it comes again, with all of them. */
const hasVersions = ({ version }: FoundItem, { versions = [] }: PlanItem): boolean =>
  versions.length === 0 || Number.parseInt(version ?? "1", 10) > versions.length;

/** Whether an attempt before this one may have imported something of the package, although nobody could note it down. */
export const isRepeated = (round: RoundRecord, { attempt, summary }: PackageRecord): boolean =>
  attempt > 0 || summary.segment < round.suspectSegments;

/**
 * When an earlier attempt was interrupted, its import may have happened although nobody could note it down. What is at the
 * destination under our identity, with the size and time of the source, is not imported a second time.
 */
export async function skipArrived(
  { destination }: Pick<Services, "destination">,
  round: RoundRecord,
  pkg: PackageRecord,
  plan: Plan,
): Promise<void> {
  const target = round.target as Target;
  if (!isRepeated(round, pkg)) return;
  const files = plan.items.filter(({ action, kind }) => action === "migrate" && kind === "file");
  await inParallel(16, files, async (item: PlanItem) => {
    const found = await destination.findFile(target, placeInLibrary(target, item));
    if (!found || !isContent(found, item) || !hasVersions(found, item)) return;
    item.action = "arrived";
    item.arrived = { modified: item.modified, size: item.size, round: round.number };
  });
}

/** Asks the destination about each item of a package, when the job's own word is not enough; paths of those that are there. */
export async function findArrived(
  { destination }: Pick<Services, "destination">,
  target: Target,
  folders: readonly PlanItem[],
  files: readonly { item: PlanItem; content: UploadedContent }[],
): Promise<Set<string>> {
  const arrived = new Set<string>();
  await inParallel(8, files, async ({ item, content }) => {
    const found = await destination.findFile(target, placeInLibrary(target, item));
    if (found && isContent(found, { ...content, id: item.id })) arrived.add(item.path);
  });
  await inParallel(8, folders, async (item) => {
    const id = await destination.findFolder(target, placeInLibrary(target, item));
    if (id === item.id) arrived.add(item.path);
  });
  return arrived;
}
